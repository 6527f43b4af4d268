//! What names say in each language: which functions give numbers or pass text on, where a request's words come in, which
//! conditions are checks. By convention, since nothing is looked up.

use std::sync::LazyLock;

use regex::Regex;

use super::language::Language;

/// `TABLE`, `Self::COLUMNS`, `MAX_2`: by convention of every language here, a constant.
pub(super) fn is_constant_name(name: &str) -> bool {
    let name = name.rsplit([':', '.']).next().unwrap_or(name);
    name.len() > 1
        && name.bytes().any(|byte| byte.is_ascii_uppercase())
        && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Formats that only numbers fit into.
pub(super) fn only_numbers(format: &str) -> bool {
    static VERB: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"%(?:\([A-Za-z_]+\))?[-+# 0]*[0-9]*(?:\.[0-9]+)?([A-Za-z%])").ok());
    let mut verbs = VERB.iter().flat_map(|verb| verb.captures_iter(format)).peekable();
    verbs.peek().is_some()
        && verbs.all(|verb| matches!(&verb[1], "d" | "f" | "x" | "X" | "i" | "t" | "e" | "g" | "b" | "o" | "u" | "%"))
}

/// Calls that give a number, or text without anything that has a meaning anywhere.
pub(super) fn is_harmless(name: &str, last: &str) -> bool {
    matches!(
        last,
        "parseInt"
            | "parseFloat"
            | "Number"
            | "Itoa"
            | "FormatInt"
            | "FormatFloat"
            | "Atoi"
            | "ParseInt"
            | "ParseUint"
            | "ParseFloat"
            | "ParseBool"
            | "valueOf"
            | "parseLong"
            | "parseDouble"
            | "parseBoolean"
            | "len"
            | "size"
            | "length"
            | "count"
            | "toFixed"
            | "hexdigest"
            | "digest"
            | "randomUUID"
            | "uuid4"
            | "uuidv4"
            | "secure_filename"
            | "basename"
            | "Base"
            | "quote"
            | "toISOString"
            | "getTime"
            | "now"
            | "isoformat"
            | "BigInt"
            | "Boolean"
            | "bool"
            | "int"
            | "float"
            | "indexOf"
            | "hashCode"
    ) && (last != "size" || name != "size")
        && !matches!(name, "quote")
        || matches!(
            name,
            "UUID.fromString" | "uuid.UUID" | "shlex.quote" | "shlex.join" | "pipes.quote" | "os.getpid" | "time.time"
        )
}

/// Types that text is put together in: empty until something is added.
pub(super) fn is_buffer(kind: &str) -> bool {
    matches!(kind, "StringBuilder" | "StringBuffer" | "strings.Builder" | "bytes.Buffer")
}

/// Methods whose result is their receiver in another form.
pub(super) fn keeps(last: &str) -> bool {
    matches!(
        last,
        "trim"
            | "toString"
            | "strip"
            | "lstrip"
            | "rstrip"
            | "lower"
            | "upper"
            | "toLowerCase"
            | "toUpperCase"
            | "as_str"
            | "as_ref"
            | "to_string"
            | "to_owned"
            | "into"
            | "clone"
            | "encode"
            | "decode"
            | "String"
            | "Bytes"
            | "as_bytes"
            | "unwrap"
            | "expect"
            | "slice"
            | "substring"
            | "substr"
            | "trimStart"
            | "trimEnd"
            | "getBytes"
            | "to_lowercase"
            | "to_uppercase"
            | "str"
            | "finish"
            | "build"
            | "unwrap_or_default"
            | "normalize"
            | "toPath"
            | "intern"
            | "padStart"
            | "padEnd"
            | "split"
            | "pop"
            | "unwrap_or"
            | "ok"
            | "iter"
            | "collect"
            | "into_bytes"
            | "as_deref"
            | "to_path_buf"
            | "get"
    )
}

/// Functions whose result is their arguments in another form.
pub(super) fn passes(name: &str, last: &str) -> bool {
    matches!(
        name,
        "String"
            | "str"
            | "unicode"
            | "bytes"
            | "Path"
            | "PathBuf.from"
            | "String.from"
            | "String.new"
            | "List.of"
            | "Arrays.asList"
            | "Arrays.copyOf"
            | "Arrays.copyOfRange"
            | "Collections.nCopies"
            | "URLSearchParams"
            | "Cow.from"
            | "File"
            | "URL"
            | "URI"
            | "URI.create"
            | "Paths.get"
            | "Path.of"
            | "StringBuilder"
            | "StringBuffer"
            | "text"
            | "sqlalchemy.text"
            | "Buffer.from"
            | "string"
            | "list"
            | "tuple"
            | "sorted"
            | "repr"
            | "encodeURI"
            | "decodeURIComponent"
            | "decodeURI"
            | "unescape"
            | "std.path.Path.new"
            | "std.path.PathBuf.from"
            | "Path.new"
            | "JSON.stringify"
            | "json.dumps"
            | "url.parse"
            | "url.resolve"
    ) || matches!(
        last,
        "join"
            | "Join"
            | "resolve"
            | "normpath"
            | "abspath"
            | "realpath"
            | "expanduser"
            | "Clean"
            | "unquote"
            | "urljoin"
            | "AssertSqlSafe"
            | "Wrap"
            | "mark_safe"
    ) && name.contains('.')
}

/// Where a request's words come in, by the dotted name.
pub(super) fn is_source(language: Language, dotted: &str) -> bool {
    static SCRIPT: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(concat!(
            r"^(?:(?:this\.)?(?:req|request|_req)|ctx|context|c|event|evt|koaCtx|ctx\.request|ctx\.req|c\.req)\.",
            r"(?:query|body|params|headers|cookies|signedCookies|hostname|originalUrl|url|files|param|get|header|rawBody|",
            r"queryStringParameters|pathParameters|multiValueQueryStringParameters|json\(\)|text\(\)|formData\(\)|nextUrl)",
            r"(?:$|[.\[(])|(?:^|\.)searchParams\.get$|^(?:window\.|document\.|self\.)?location\.(?:search|hash|href|pathname)",
            r"|^document\.(?:URL|documentURI|referrer|cookie)|^window\.name$|^(?:params|searchParams|query)\.(?:slug|id|url|next|redirect|path|file|name)$"
        ))
        .ok()
    });
    static PYTHON: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(concat!(
            r"^(?:flask\.|self\.|bottle\.|django\.)?(?:request|req)\.",
            r"(?:args|form|values|json|data|cookies|headers|files|GET|POST|COOKIES|META|FILES|body|query_params|path_params|query|params|view_args|",
            r"get_json\(\)|get_data\(\)|url|full_path|query_string|match_info|rel_url|POST\.get|match_dict|post\(\)|text\(\)|stream|DATA)(?:$|[.\[(])",
            r"|^(?:self|cls)\.get_(?:query_|body_)?arguments?$|^input$|^raw_input$|^(?:request|req|flask\.request)\.get_(?:json|data)$|^event\.(?:queryStringParameters|body|pathParameters)"
        ))
        .ok()
    });
    static GO: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(concat!(
            r"^(?:r|req|request|ctx\.Request|c\.Request|httpReq)\.(?:URL(?:$|\.)|FormValue|PostFormValue|Form(?:$|[.\[])|PostForm(?:$|[.\[])|Header\.Get|",
            r"PathValue|RequestURI|Host$|Referer|UserAgent|Cookie|Body|MultipartForm|FormFile)",
            r"|^(?:c|ctx|context|e)\.(?:Query|QueryParam|QueryParams|Param|Params|PostForm|DefaultQuery|DefaultPostForm|FormValue|GetHeader|GetQuery|BodyParser|GetRawData|FormFile|Bind)$",
            r"|^github\.com/gorilla/mux\.Vars|^mux\.Vars|chi\.URLParam$"
        ))
        .ok()
    });
    static JAVA: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(concat!(
            r"(?:^|\.)(?:[Rr]equest|req|HttpServletRequest|ServletRequest|WebRequest|NativeWebRequest|exchange|ctx|context|ServerRequest|Context)(?:\(\))?\.",
            r"(?:getParameter|getParameterValues|getParameterMap|getHeader|getHeaders|getQueryString|getCookies|getRequestURI|getRequestURL|getPathInfo|",
            r"getReader|getInputStream|getPart|queryParam|pathParam|formParam|pathVariable|header|body|getServletPath)(?:$|\()"
        ))
        .ok()
    });
    static RUST: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"^(?:req|request|parts)\.(?:query_string|match_info|headers|uri|param|query|path|uri\(\)\.query|body|form|cookie)(?:$|[.(\[])").ok()
    });
    let pattern = match language {
        language if language.is_script() => &SCRIPT,
        Language::Python => &PYTHON,
        Language::Go => &GO,
        Language::Java => &JAVA,
        Language::Rust => &RUST,
        _ => return false,
    };
    pattern.as_ref().is_some_and(|pattern| pattern.is_match(dotted))
}

/// Words of which a file must hold one if anything in it comes out of a request.
pub(super) fn source_words(language: Language) -> &'static [&'static str] {
    match language {
        Language::Python => &[
            "request",
            "req.",
            "input",
            "route(",
            ".get(",
            ".post(",
            ".put(",
            ".patch(",
            ".delete(",
            "api_view(",
            "get_argument",
            "event",
        ],
        Language::Go => &["r.", "req.", "request.", "c.", "ctx.", "e.", "Vars(", "URLParam"],
        Language::Java => &["equest", "req.", "@PathVariable", "Param", "ctx.", "exchange", "@CookieValue", "ontext"],
        Language::Rust => &["req", "Query", "Path", "Form", "Json", "parts"],
        _ => &[
            "req",
            "ctx",
            "context",
            "c.",
            "event",
            "evt",
            "earchParams",
            "location",
            "document",
            "window",
            "params",
            "query",
        ],
    }
}

/// Words of which a file must hold one if any text in it is put together: what joins two texts, or gives a name more.
pub(super) fn built_words(language: Language) -> Vec<&'static str> {
    let mut words = vec![
        "+",
        "%",
        "-=",
        "*=",
        "/=",
        "|=",
        "&=",
        "^=",
        "<<=",
        ">>=",
        "?=",
        "@=",
        "format",
        "oncat",
        "join",
        "print",
        "ppend",
        "WriteString",
        "push_str",
        "eplace",
        "sub",
    ];
    words.push(match language {
        Language::Python => "{",
        Language::Java => "\\{",
        Language::Rust => "write",
        Language::Go => "Sprint",
        _ => "${",
    });
    words
}

/// Whether a condition holds something against what is allowed, rather than asking if it is there.
pub(super) fn checks(condition: &str) -> bool {
    static CHECK: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(concat!(
            r"(?i)(?:\.(?:has|includes|contains|containsKey|contains_key|startsWith|starts_with|startswith|test|match|matches|MatchString|fullmatch|is_match|exec|indexOf|isLocal|",
            r"is_relative_to|hasOwn|hasOwnProperty)\b|\bhasPrefix\b|\bIsLocal\b|\bnot\s+in\b|\bin\b|\b\w*(?:allow|valid|safe|trusted|whitelist|permitted|known)\w*\b|",
            r"\.hostname\b|\.host\b|\.origin\b|\.netloc\b|ok\b)"
        ))
        .ok()
    });
    CHECK.as_ref().is_some_and(|check| check.is_match(condition))
}
