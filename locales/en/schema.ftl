# What a key of the campaign file, or a word of its value, means. The text in English is in the code that declares the key.
description = { $key ->
    [none] { "" }
   *[other] { $english }
}
