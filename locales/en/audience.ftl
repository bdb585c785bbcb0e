## Reading a file

unreadable = cannot read the audience { $path }
unreadable-absent = check the path; it is relative to the folder of the campaign file
unreadable-permission = let the user who runs this read it
unreadable-other = check the disk that it is on, then run the same command again
directory = cannot read the audience { $path }: it is a directory, not a file
directory-help = name the file in it, or several by a pattern such as folder/*.csv
device = cannot read the audience { $path }: it is a pipe or a device, not a file
device-help = pipe it in, and write `stdin:` as the source
pattern = cannot look for the audience { $path }: { $why }
pattern-help = write `*` for any characters of a name, `?` for one, `[abc]` for one of these
no-match = no file matches the audience's pattern { $path }
no-match-help = `*` does not match `/`, nor a dot at the beginning of a name
neighbour = the audience's pattern { $pattern } matches { $path }, which is { $what ->
    [checksum] a checksum of another file
    [unfinished] a file that a program is still writing
    [copy] an older copy of another file
    [windows] a file of the Windows file manager
    [macos] a file of the macOS file manager
    [lock] the lock of a spreadsheet that is open
   *[marker] a marker of the program that wrote the files
} and not data
neighbour-help = write a pattern that matches only the data, such as `{ $narrower }`; no file is skipped
terminal = cannot read the audience from the standard input: it is a terminal
terminal-help = pipe the audience in, as in `export-members | runner apply campaign.yaml`
foreign = cannot read the audience { $path }: it is { $what ->
    [parquet] a Parquet file
    [zip] a zip archive or an Excel workbook
    [sqlite] an SQLite database
    [json] JSON, not CSV
    [html] a web page (HTML)
    [gzip-within] gzip data within compressed data
    [zstd-within] zstd data within compressed data
    [gzip] compressed with gzip
    [zstd] compressed with zstd
    [bzip2] compressed with bzip2
    [xz] compressed with xz
    [seven-zip] a 7z archive
    [rar] a RAR archive
    [tar] a tar archive
    [workbook] an old Excel workbook (.xls)
    [pdf] a PDF file
    [rtf] an RTF document
    [xml] an XML file, as some programs save a workbook
   *[avro] an Avro file
}
parquet-help = write `parquet:` in place of the source's kind
zip-help = save the sheet as "CSV UTF-8", or unpack the archive
sqlite-help = write `sqlite: { "{" }path: …, query: …{ "}" }` as the source
json-help = write `jsonl:` as the source, if each line is one object
html-help = some systems export a table as HTML: open it in a spreadsheet program and save it as "CSV UTF-8"; a download that asks for a login looks like this too
archive-help = unpack it; gzip and zstd are read as they are
packed-help = unpack it; only CSV and JSON lines are read as they are
document-help = convert it: open it in the program that it belongs to, and save it as "CSV UTF-8"
cut-off = cannot read the audience { $path }: its { $how } data ends too early
cut-off-after-line = cannot read the audience { $path }: its { $how } data ends too early, after line { $line }
cut-off-help = the file was cut off: copy or export it again
damaged = cannot read the audience { $path }: its { $how } data is damaged
damaged-after-line = cannot read the audience { $path }: its { $how } data is damaged after line { $line }
damaged-help = copy or export the file again
data-ends-early = the data ends too early
data-is-damaged = the data is damaged
empty = the audience { $path } is empty: it has no { $lacks ->
    [header] header line
    [line] line
    [tables] tables
   *[bytes] content
}
empty-help = export it again: the export failed, or has not been written yet
empty-list-help = export it again; a list of nobody has an empty line in it
changed = the audience { $path } changed while it was read
changed-help = run it again when the file is written completely
broken-off = the reading of the audience was cancelled
no-thread = cannot begin to read the audience
reading-defect = the reading of the audience ended before its end; this is a defect

## Columns

name = "{ $name }"
and-more = and { $n } more
separator = ,{ " " }
no-names = none
no-column = the audience { $path } has no column { $column }: its header on line { $line } has { $found }
no-column-gb18030 = the audience { $path } has no column { $column }: its header on line { $line } is not UTF-8; in gb18030 it has { $found }
no-column-utf-8 = the audience { $path } has no column { $column }: its header on line { $line } is UTF-8, not gb18030; it has { $found }
no-column-help = name the file's own columns in `open_id` and `last_active`, or its `delimiter` or `encoding`
no-key = the audience { $path } has no key { $key } in any line: the object on line { $line } has { $found }
no-key-help = name the objects' own keys in `open_id` and `last_active`; a dot leads into an object
repeated-column = the audience { $path } has the column { $column } { $times } times in its header on line { $line }
repeated-column-help = rename one of them: which of them is meant is not guessed
no-column-in-file = { $path } has no column { $column }: it has { $found }
no-column-in-query = the query has no column { $column }: it has { $found }
no-such-column-help = name the columns in `open_id` and `last_active`
ambiguous = the query has the column { $column } { $times } times
ambiguous-help = rename one of them in the query with `as`: which of them is meant is not guessed
type-of-ids-in-file = the column { $column } of { $path } is of type { $type }, which is not text or whole numbers, as open_ids are
type-of-ids-in-query = the column { $column } of the query is of type { $type }, which is not text or whole numbers, as open_ids are
type-of-times-in-file = the column { $column } of { $path } is of type { $type }, which is not a time
type-of-times-in-query = the column { $column } of the query is of type { $type }, which is not a time
type-list = list
type-of-ids-in-file-help = name a column of text or whole numbers, or cast it to text or to DECIMAL(38, 0) when the file is exported
type-of-ids-in-query-help = name a column of text or whole numbers, or cast it to text in the query
type-of-times-in-file-help = name a column of times, dates or Unix times, or cast it to a time when the file is exported
type-of-times-in-query-help = name a column of times, dates or Unix times
did-you-mean = did you mean { $name }?
did-you-mean-look-alike = did you mean { $name }? It has { $found }
encoding-gb18030-help = write `encoding: gb18030` beside its `path`, or save the file as "CSV UTF-8"
encoding-utf-8-help = remove `encoding: gb18030`
later-line-help = line { $line } has the column: delete the lines before it, or move it to the top if they are rows
delimiter-help = write `delimiter: { $delimiter }`
other-delimiter-help = its fields are separated by { $delimiter }: export it with `,`, `;` or a tab between them
no-header-help = that looks like a row and not like a header: write a first line with the names of the columns, { $column } among them

## Rows

malformed = the audience { $path }, line { $line }: { $flaw }
open-quote = the quote that opens here is never closed
text-after-quote = there is text after a closing quote, so the quotes do not pair
quote-help = write a quote inside a quoted field twice: ""
nul = there is a NUL byte, so this is not text
nul-help = a file that was cut by a full disk looks like this too: export it again
utf-16 = the text is UTF-16
save-as-csv-utf-8 = save it as "CSV UTF-8"
save-as-utf-8 = save it as UTF-8
too-long = the row that begins here is longer than 1 MiB
too-long-help = export it again: an open_id has at most 128 characters, and a row not many more
lone-carriage-return = its lines end with a carriage return alone
lone-carriage-return-help = save it with the line ends of Windows or Unix
not-utf-8 = the line is not UTF-8 text
cut-json = the line ends within a JSON object
cut-json-help = each line is one object; a file that was cut off looks like this too: export it again
json-array = the line is a JSON array, not an object
json-array-help = write each object on a line of its own, without the array around them
not-json = the line is not JSON from column { $column } on
not-json-help = each line is one object, such as { "{" }"open_id": "…"{ "}" }
no-object = the line is not a JSON object
no-object-help = each line is one object, such as { "{" }"open_id": "…"{ "}" }; for a CSV file write `csv:` as the source
line-flaw = line { $line }: { $flaw }
long-value-in-file = row { $row } of { $path }: the open_id is longer than 1 MiB
long-value-in-query = row { $row } of the query: the open_id is longer than 1 MiB
long-value-help = name the column of the open_ids: one has at most 128 characters

## Parquet

not-parquet = cannot read the audience { $path }: it is not a Parquet file
not-sqlite = cannot read the audience { $path }: it is not an SQLite database
not-a-table-help = write the source as what the file is: `csv:` or `jsonl:`
no-footer = cannot read the audience { $path }: the footer of the Parquet file is missing
no-footer-help = the file was cut off, or is still being written: export it again
bad-parquet = cannot read the Parquet file { $path }: { $why }
bad-parquet-after-row = cannot read the Parquet file { $path } after row { $row }: { $why }
bad-parquet-help = export it again, unencrypted, with snappy, gzip, zstd or lz4 as compression or none
too-large-help = export it again with smaller row groups or pages, or only with the columns that the campaign reads
parquet-encrypted = it is encrypted, which is not supported
parquet-contradicts = it contradicts itself
parquet-not-supported = { $what } is not supported
parquet-fewer-rows = a column has fewer rows than its group
parquet-page-beyond-file = a page ends after the end of the file
parquet-page-without-size = a page's header has no size
parquet-page-unpacks-to-more = a page unpacks to more than its header says
parquet-long-number = a number in a page's header is too long
parquet-unnamed-encoding = a page has an encoding that its column does not name
parquet-more-values = a page has more values than its header says
parquet-mixed-encodings = a page with an old encoding of levels and a new one of values is not supported
parquet-malformed-lengths = a page's lengths are not well-formed
parquet-cut-lengths = a page's lengths are cut off
# $size (number)
# $most (number)
large-footer = its footer has { $size } bytes, and at most { $most } are read
# $size (number)
# $most (number)
large-page = a page has { $size } bytes, and at most { $most } are read
# $size (number)
# $most (number)
large-unpacked-page = a page unpacks to { $size } bytes, and at most { $most } are read
# $size (number)
# $most (number)
large-lz4-page = a page of LZ4 frames has { $size } bytes, and at most { $most } are read
# $size (number)
# $most (number)
large-dictionary = a dictionary unpacks to { $size } bytes, and at most { $most } are read
# $size (number)
# $most (number)
many-in-dictionary = a dictionary has { $size } values, and at most { $most } are read
# $size (number)
# $most (number)
many-in-page = a page has { $size } values, and at most { $most } are read
