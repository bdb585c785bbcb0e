subject-campaign-file = The campaign file
subject-command-line = The command line, and files that it names
subject-ledger = The ledger
subject-audience = The audience
subject-platform = The platform and the sandbox
subject-run = A run
subject-stopped = Why a run stopped and needs a person
subject-other = Other
more-of-one = `runner explain CODE` shows the page of one problem
ends-with = The process ends with { $exit }.

known-code = This is a code of the platform, known from { $source }. Its class in the built-in table is `{ $class }`: { $class ->
     [issued] the user has the coupon
     [retry] the platform does not say whether it issued the coupon, so the delivery is in doubt and is sent again with the same id
     [throttle] nothing was issued; the pace is lowered and the delivery is sent again
     [token] nothing was issued; another access token is fetched and the delivery is sent again
     [refuse] this user is refused for good
     [hold] the delivery is held until a person says what the code means
     [wait] nothing was issued; the whole campaign waits, and asks again from time to time
    *[halt] nothing more is sent until a person has acted
    }.
own-class = A campaign file can give it another class under `codes:`, as in `codes: { "{" }{ $code }: { $class }{ "}" }`.

unknown-code = there is no problem and no known code of the platform named `{ $code }`
did-you-mean = did you mean { $codes }?
not-in-table = the built-in table of the platform's codes does not have it, so such an answer is held. Ask the platform what it means and write that into the campaign file, as in `codes: { "{" }{ $code }: refuse{ "}" }`
list-all = `runner explain` without a code lists every problem
