## Reading a file

unreadable = 无法读取人群 { $path }
unreadable-absent = 请检查路径；相对路径从任务文件所在的目录算起
unreadable-permission = 请让执行任务的用户有权读取它
unreadable-other = 请检查它所在的磁盘，然后再次运行同一命令
directory = 无法读取人群 { $path }：它是目录，不是文件
directory-help = 请指定其中的文件，或者用 folder/*.csv 这样的通配模式指定多个文件
device = 无法读取人群 { $path }：它是管道或设备，不是文件
device-help = 请用管道输入，并把数据源写成 `stdin:`
pattern = 无法查找人群 { $path }：{ $why }
pattern-help = `*` 匹配名称中任意个字符，`?` 匹配一个，`[abc]` 匹配其中之一
no-match = 没有文件匹配人群的通配模式 { $path }
no-match-help = `*` 不匹配 `/`，也不匹配名称开头的点
neighbour = 人群的通配模式 { $pattern } 匹配到 { $path }，它是{ $what ->
    [checksum] 另一个文件的校验和
    [unfinished] 程序还没有写完的文件
    [copy] 另一个文件的旧副本
    [windows] { " " }Windows 文件管理器的文件
    [macos] { " " }macOS 文件管理器的文件
    [lock] 已打开的电子表格的锁文件
   *[marker] 写出这些文件的程序留下的标记
}，不是数据
neighbour-help = 请写只匹配数据的通配模式，例如 `{ $narrower }`；任何文件都不会被跳过
terminal = 无法从标准输入读取人群：它是终端
terminal-help = 请用管道输入人群，例如 `export-members | runner apply campaign.yaml`
foreign = 无法读取人群 { $path }：{ $what ->
    [parquet] 它是 Parquet 文件
    [zip] 它是 zip 压缩包或 Excel 工作簿
    [sqlite] 它是 SQLite 数据库
    [json] 它是 JSON，不是 CSV
    [html] 它是网页（HTML）
    [gzip-within] 压缩数据中还有 gzip 数据
    [zstd-within] 压缩数据中还有 zstd 数据
    [gzip] 它是 gzip 压缩的
    [zstd] 它是 zstd 压缩的
    [bzip2] 它是 bzip2 压缩的
    [xz] 它是 xz 压缩的
    [seven-zip] 它是 7z 压缩包
    [rar] 它是 RAR 压缩包
    [tar] 它是 tar 归档
    [workbook] 它是旧版 Excel 工作簿（.xls）
    [pdf] 它是 PDF 文件
    [rtf] 它是 RTF 文档
    [xml] 它是 XML 文件，有的程序这样保存工作簿
   *[avro] 它是 Avro 文件
}
parquet-help = 请把数据源的类型写成 `parquet:`
zip-help = 请把工作表另存为“CSV UTF-8”，或者解压
sqlite-help = 请把数据源写成 `sqlite: { "{" }path: …, query: …{ "}" }`
json-help = 如果每行是一个对象，请把数据源写成 `jsonl:`
html-help = 有的系统把表格导出为 HTML：请用电子表格软件打开，另存为“CSV UTF-8”；要求登录的下载结果看起来也是这样
archive-help = 请解压；gzip 和 zstd 可以直接读取
packed-help = 请解压；只有 CSV 和 JSON Lines 可以压缩后直接读取
document-help = 请转换：用对应的程序打开，另存为“CSV UTF-8”
cut-off = 无法读取人群 { $path }：{ $how } 数据不完整
cut-off-after-line = 无法读取人群 { $path }：{ $how } 数据不完整，第 { $line } 行之后缺失
cut-off-help = 文件被截断了：请重新复制或导出
damaged = 无法读取人群 { $path }：{ $how } 数据已损坏
damaged-after-line = 无法读取人群 { $path }：{ $how } 数据从第 { $line } 行之后损坏
damaged-help = 请重新复制或导出这个文件
data-ends-early = 数据不完整
data-is-damaged = 数据已损坏
empty = 人群 { $path } 是空的：{ $lacks ->
    [header] 没有表头行
    [line] 一行也没有
    [tables] 没有表
   *[bytes] 没有内容
}
empty-help = 请重新导出：导出失败了，或者还没有写完
empty-list-help = 请重新导出；不含任何用户的名单要有一个空行
changed = 人群 { $path } 在读取期间发生了变化
changed-help = 请在文件写完之后再次执行
broken-off = 人群的读取已取消
no-thread = 无法开始读取人群
reading-defect = 人群的读取没有结果就结束了；这是程序缺陷

## Columns

name = “{ $name }”
and-more = 另外 { $n } 个
separator = 、
no-names = 无
no-column = 人群 { $path } 没有列{ $column }：第 { $line } 行的表头有{ $found }
no-column-gb18030 = 人群 { $path } 没有列{ $column }：第 { $line } 行的表头不是 UTF-8；按 gb18030 读取，它有{ $found }
no-column-utf-8 = 人群 { $path } 没有列{ $column }：第 { $line } 行的表头是 UTF-8，不是 gb18030；它有{ $found }
no-column-help = 请在 `open_id` 和 `last_active` 中写文件实际的列名，或者写明它的 `delimiter` 或 `encoding`
no-key = 人群 { $path } 的所有行都没有键{ $key }；第 { $line } 行对象的键：{ $found }
no-key-help = 请在 `open_id` 和 `last_active` 中写对象实际的键；用点号取嵌套的键
repeated-column = 人群 { $path } 第 { $line } 行的表头中，列{ $column }出现了 { $times } 次
repeated-column-help = 请改名：无法猜测要用的是哪一列
no-column-in-file = { $path } 没有列{ $column }：它有{ $found }
no-column-in-query = 查询结果没有列{ $column }：它有{ $found }
no-such-column-help = 请在 `open_id` 和 `last_active` 中写实际的列名
ambiguous = 查询结果中，列{ $column }出现了 { $times } 次
ambiguous-help = 请在查询中用 `as` 改名：无法猜测要用的是哪一列
type-of-ids-in-file = { $path } 的列{ $column }的类型是 { $type }，而 open_id 应当是文本或整数
type-of-ids-in-query = 查询结果的列{ $column }的类型是 { $type }，而 open_id 应当是文本或整数
type-of-times-in-file = { $path } 的列{ $column }的类型是 { $type }，不是时间
type-of-times-in-query = 查询结果的列{ $column }的类型是 { $type }，不是时间
type-list = list（列表）
type-of-ids-in-file-help = 请指定文本或整数的列，或者在导出时转换为文本或 DECIMAL(38, 0)
type-of-ids-in-query-help = 请指定文本或整数的列，或者在查询中转换为文本
type-of-times-in-file-help = 请指定时间、日期或 Unix 时间的列，或者在导出时转换为时间
type-of-times-in-query-help = 请指定时间、日期或 Unix 时间的列
did-you-mean = 你要写的是{ $name }吗？
did-you-mean-look-alike = 你要写的是{ $name }吗？其中有 { $found }
encoding-gb18030-help = 请在 `path` 旁边写 `encoding: gb18030`，或者把文件另存为“CSV UTF-8”
encoding-utf-8-help = 请去掉 `encoding: gb18030`
later-line-help = 第 { $line } 行有这一列：请删除它前面的行；如果前面是数据行，请把它移到最前面
delimiter-help = 请写 `delimiter: { $delimiter }`
other-delimiter-help = 它的字段用 { $delimiter } 分隔：请导出为用 `,`、`;` 或制表符分隔的文件
no-header-help = 这看起来是数据行，不是表头：请在首行写列名，其中要有{ $column }

## Rows

malformed = 人群 { $path } 第 { $line } 行：{ $flaw }
open-quote = 这里的引号没有闭合
text-after-quote = 右引号之后还有文本，引号不成对
quote-help = 带引号的字段中的引号要写两次：""
nul = 有 NUL 字节，不是文本
nul-help = 因磁盘写满而截断的文件也是这样：请重新导出
utf-16 = 文本是 UTF-16
save-as-csv-utf-8 = 请另存为“CSV UTF-8”
save-as-utf-8 = 请另存为 UTF-8
too-long = 从这里开始的行超过 1 MiB
too-long-help = 请重新导出：open_id 最多 128 个字符，一行也不会长很多
lone-carriage-return = 每行只以回车符结尾
lone-carriage-return-help = 请用 Windows 或 Unix 的换行符保存
not-utf-8 = 这一行不是 UTF-8 文本
cut-json = 这一行在 JSON 对象中间就结束了
cut-json-help = 每行应当是一个对象；被截断的文件也是这样：请重新导出
json-array = 这一行是 JSON 数组，不是对象
json-array-help = 请每行写一个对象，去掉外层的数组
not-json = 这一行从第 { $column } 列起不是 JSON
not-json-help = 每行应当是一个对象，例如 { "{" }"open_id": "…"{ "}" }
no-object = 这一行不是 JSON 对象
no-object-help = 每行应当是一个对象，例如 { "{" }"open_id": "…"{ "}" }；如果是 CSV 文件，请把数据源写成 `csv:`
line-flaw = 第 { $line } 行：{ $flaw }
long-value-in-file = { $path } 第 { $row } 行：open_id 超过 1 MiB
long-value-in-query = 查询结果第 { $row } 行：open_id 超过 1 MiB
long-value-help = 请指定 open_id 所在的列：open_id 最多 128 个字符

## Parquet

not-parquet = 无法读取人群 { $path }：它不是 Parquet 文件
not-sqlite = 无法读取人群 { $path }：它不是 SQLite 数据库
not-a-table-help = 请按文件的实际类型写数据源：`csv:` 或 `jsonl:`
no-footer = 无法读取人群 { $path }：缺少 Parquet 文件的文件尾
no-footer-help = 文件被截断了，或者还没有写完：请重新导出
bad-parquet = 无法读取 Parquet 文件 { $path }：{ $why }
bad-parquet-after-row = 无法读取 Parquet 文件 { $path } 第 { $row } 行之后的内容：{ $why }
bad-parquet-help = 请重新导出：不加密，压缩方式用 snappy、gzip、zstd、lz4，或者不压缩
too-large-help = 请用更小的行组或页重新导出，或者只导出任务要读取的列
parquet-encrypted = 它是加密的，不支持
parquet-contradicts = 它的内容自相矛盾
parquet-not-supported = 不支持 { $what }
parquet-fewer-rows = 有一列的行数少于它所在的行组
parquet-page-beyond-file = 有一页超出了文件结尾
parquet-page-without-size = 有一页的页头没有大小
parquet-page-unpacks-to-more = 有一页解压后比页头所写的大
parquet-long-number = 页头中有一个数太长
parquet-unnamed-encoding = 有一页使用了该列没有列出的编码
parquet-more-values = 有一页的值比页头所写的多
parquet-mixed-encodings = 不支持一页中旧的层级编码与新的值编码并用
parquet-malformed-lengths = 有一页的长度数据格式不正确
parquet-cut-lengths = 有一页的长度数据被截断
large-footer = 文件尾有 { $size } 字节，最多读取 { $most } 字节
large-page = 有一页为 { $size } 字节，最多读取 { $most } 字节
large-unpacked-page = 有一页解压后为 { $size } 字节，最多读取 { $most } 字节
large-lz4-page = 有一页 LZ4 帧为 { $size } 字节，最多读取 { $most } 字节
large-dictionary = 字典解压后为 { $size } 字节，最多读取 { $most } 字节
many-in-dictionary = 字典有 { $size } 个值，最多读取 { $most } 个
many-in-page = 有一页有 { $size } 个值，最多读取 { $most } 个
