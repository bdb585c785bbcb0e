meaning = { $code ->
    [0] the coupon was issued
    [40006] this machine's IP address is not on the app's whitelist
    [2100004] the system is busy (older code)
    [2100007] the app lacks a permission (older code)
    [2190001] the app's quota is used up (older code)
    [2190002] the access token is not valid (older code)
    [2190004] the app lacks this capability (older code)
    [2190008] the access token has expired (older code)
    [28001003] the access token is not valid
    [28001005] the platform had an error of its own
    [28001006] a call within the platform failed
    [28001007] a parameter is not valid; more often the campaign's mistake than the user's
    [28001008] the access token has expired
    [28001014] no capability was granted to the app
    [28001015] the access token and the open_id do not belong together
    [28001016] the app is banned or offline
    [28001017] the platform does not know this address
    [28001018] the app lacks this capability (scope)
    [28001019] this capability is banned or offline
    [28001020] the user is not bound to this test app
    [28001021] the test app has expired
    [28001042] the service provider's token lacks this scope
    [28001045] the user has closed the account
    [28001046] the user is banned
    [28001047] the user's account is private
    [28001052] the app's access is at risk and has to slow down
    [28001056] the endpoint is retired
    [28003017] the app's quota is used up
    [28003018] requests come at too high a rate
    [29005012] attempts come too often
    [29005013] the coupon's template does not exist
    [29005086] the coupon's template is not in effect
   *[other] a code that the built-in table does not have
}
source = { $source ->
    [send] the endpoint's own page
    [coupon-family] pages of the coupon endpoints
   *[platform-wide] the platform's common codes
}
