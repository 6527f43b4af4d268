//! The fuzz targets on random and on nearly right input: what they claim must hold, and they must keep compiling.

#[path = "../../fuzz/targets.rs"]
mod targets;

use proptest::prelude::*;

/// Bytes that are now and then what the reader hopes for.
fn nearly(words: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        4 => prop::sample::select(words).prop_map(|word| word.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..6),
    ];
    prop::collection::vec(word, 0..40).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn configurations(data in nearly(&["size", ":", " ", "\n", "\n  ", "- ", "thresholds", "{", "}", "s", "4", "critic", "levels", "off", "&a", "*a", "[", "]", "\"", "\t"])) {
        targets::config(&data);
    }

    #[test]
    fn descriptions(data in nearly(&["## Summary", "\n", "- [x] ", "- [ ] ", "No", "<!-- ", " -->", "```", "**Tests**", "> ", "| a | b |", "\r\n", "<details>", "n/a", "[x](", ")"])) {
        targets::critic(&data);
    }

    #[test]
    fn texts(data in nearly(&["a\n", "b\n", "\n", "    }\n", "\0", "c", "\r\n"])) {
        targets::lines(&data);
    }

    #[test]
    fn patches(data in nearly(&["commit 0123456789012345678901234567890123456789\n", "Author: a <b>\n", "Date:   1 +0000\n", "\n", "    text\n", "diff --git a/x b/x\n", "diff --cc x\n", "--- a/x\n", "+++ b/x\n", "@@ -1 +1 @@\n", "@@ -0,0 +1,2 @@\n+a\n+b\n", "@@@ -1 -1 +1,2 @@@\n", "+a\n", "+longer\n", "-a\n", "++a\n", "\\ No newline at end of file\n", "Binary files a/x and b/x differ\n", "rename to \"\\303\"\n"])) {
        targets::patches(&data);
    }

    #[test]
    fn contracts(data in nearly(&["openapi: 3.0.0\n", "info:\n  title: a\n", "$ref: 'b/a.json#/x'\n", "{", "}", "\"$defs\"", ":", "[", "]", "\"", "type A { b: Int }\n", "syntax = \"proto3\";\n", "message M { int32 a = 1; }\n", "DROP TABLE a;\n", "\0", "\u{1f}", "a\n", "<script>", "\u{1b}[31m", "::error::\n"])) {
        targets::contracts(&data);
    }

    #[test]
    fn payloads(data in nearly(&["{", "}", "\"pull_request\"", ":", ",", "\"number\"", "7", "null", "[", "]", "\"head\"", "\"sha\"", "\"0000000000000000000000000000000000000000\""])) {
        targets::payload(&data);
    }

    #[test]
    fn previews(data in nearly(&["{\"type\":\"pages-deploy\",", "\"pages_project\":\"app\",", "\"url\":\"", "https://", "http://", "127.0.0.1", "[::1]", "@", "a:b", "/", "\"}", "\n", "..", "?", "#", "\u{202e}", "{\"a\":1}"])) {
        targets::preview(&data);
    }

    #[test]
    fn refs(data in nearly(&["refs/heads/a", " ", "\n", "0000000000000000000000000000000000000000", "(delete)"])) {
        targets::pre_push(&data);
    }
}

proptest! {
    #[test]
    fn rule_files(data in nearly(&["[[rules]]\n", "id", "=", "'a'", "\n", "regex", "'''(?i)a{2,}'''", "[extend]\n", "useDefault = true", "[[rules.allowlists]]\n", "paths", "[", "]", "\"x\"", "secretGroup", "7", "# "])) {
        targets::rule_file(&data);
    }

    #[test]
    fn patterns(data in nearly(&["(", ")", "(?i)", "[", "]", "[^", "a", "\\w", "\\b", "{2,}", "{1001}", "*", "+?", "|", "^", "$", "\\z", "\\Q", "\\E", "(?P<n>", "\\pL", "."])) {
        targets::pattern(&data);
    }

    #[test]
    fn texts_to_scan(data in nearly(&["api_key = \"", "\"\n", "ghp_", "0123456789abcdefghijklmnopqrstuvwxyz", "Z3", "%41", "\\u0041", "U+0041 ", "gitleaks:allow", "-----BEGIN PRIVATE KEY-----\n", "aGVsbG8gd29ybGQgaGVsbG8=", "\n", "\u{212a}"])) {
        targets::scan(&data);
    }

    #[test]
    fn tokens(data in nearly(&["ghs_", "1_", "glpat-", "pypi-AgEIcHlwaS5vcmc", "eyJhbGciOiJIUzI1NiJ9", "eyJleHAiOjF9", ".", "eyJleHAiOi0xZTk5fQ", "_", "=", "AGE-SECRET-KEY-1", "Q", "00000000", "+", "\u{e9}"])) {
        targets::token(&data);
    }

    #[test]
    fn archives(data in nearly(&["PK\x03\x04", "PK\x01\x02", "PK\x05\x06", "\x1f", "BZh9", "7z", "ustar", "\0\0\0\0", "a.txt", "\x7f"])) {
        targets::archive(&data);
    }
}

proptest! {
    #[test]
    fn protobuf_files(data in nearly(&["syntax = 'proto3';\n", "edition = '2023';", "package a.b;", "import 'a.proto';", "message M {", "}", "string a = 1;", "optional int32 b = 2 [default = 7];", "map<string, M> c = 3;", "oneof o {", "enum E { A = 0; }", "reserved 4 to max;", "extensions 100 to 200;", "extend M { optional E e = 100; }", "service S { rpc R(stream M) returns (M); }", "option features.enum_type = CLOSED;", "group G = 9 {", "\0", "[", "]", "// x\n", "/* x */"])) {
        targets::protobuf(&data);
    }

    #[test]
    fn api_descriptions(data in nearly(&["openapi: 3.0.3\n", "openapi: 3.1.0\n", "swagger: '2.0'\n", "paths:\n", "  /a/{b}:\n", "    get:\n", "    parameters:\n", "    - {name: b, in: path, required: true, schema: {type: string}}\n", "      responses: {'200': {description: x, content: {application/json: {schema: {$ref: '#/components/schemas/A'}}}}}\n", "      requestBody: {content: {'*/*': {schema: {type: object, required: [a]}}}}\n", "      security: [{k: [s]}]\n", "      callbacks: {c: {'{$url}': {post: {}}}}\n", "      deprecated: true\n", "      x-sunset: '2026-01-01'\n", "components:\n", "  schemas:\n", "    A: {allOf: [{$ref: '#/components/schemas/A'}, {type: [string, 'null']}]}\n", "    A: {oneOf: [{$ref: '#/components/schemas/B'}, {properties: {a: {enum: [1, x]}}}]}\n", "    B: {not: {$ref: '#/components/schemas/A'}}\n", "definitions: {A: {}}\n", "\0", "{", "}", "- ", ": ", "\n", "\u{feff}"])) {
        targets::openapi(&data);
    }

    #[test]
    fn json_schemas(data in nearly(&["{", "}", "[", "]", ",", ":", "\"type\"", "\"object\"", "[\"string\", \"null\"]", "\"$ref\"", "\"#\"", "\"#/$defs/a\"", "\"https://x.y/z\"", "\"../a\"", "\"$defs\"", "\"a\"", "\"properties\"", "\"required\"", "[\"a\"]", "\"oneOf\"", "\"not\"", "\"if\"", "\"then\"", "\"enum\"", "\"minimum\"", "1", "1e999", "true", "null", "\"pattern\"", "\"(\"", "\"items\"", "\"contains\"", "{\"type\": \"integer\", \"minimum\": 1}", "{\"properties\": {\"a\": {\"$ref\": \"#\"}}}\0", "\0", "\n"])) {
        targets::json_schema(&data);
    }

    #[test]
    fn contracts_in_code(data in nearly(&["export ", "interface A ", "{", "}", "a?: B;", "type B<T> = T | null;\n", "function f(", "x: A", ")", ": string", "enum E { A = 1 }\n", "import { A } from './a';\n", "app.get('/a/:b', ", "router.post(`/${x}`", "@app.get(\"/a\")\ndef a(): pass\n", "    ", "Router::new().route(\"/a\", get(f))", ".nest(\"/b\", r)", "CREATE TABLE a (b INT NOT NULL);\n", "ALTER TABLE a DROP COLUMN b;\n", "-- x\n", "'", "\"", "`", "(", "/*", "\0", "\n", "é"])) {
        targets::contracts_in_code(&data);
    }

    #[test]
    fn graphql_schemas(data in nearly(&["schema { query: Q }\n", "type Q {", "}", " a(b: [Int!]! = [1]): Q @deprecated\n", "extend ", "interface I {", "union U = Q | R\n", "enum E {", " A B\n", "input N {", " c: E = A\n", "directive @d(e: N = {c: A}) repeatable on FIELD | ENUM\n", " @d(e: {})", "scalar S\n", "\"\"\"words\"\"\"", "\"w\\u0041\"", "\0", "implements I", "{", "[", "# x\n", "null"])) {
        targets::graphql(&data);
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn coverage_reports(data in nearly(&["SF:a.js\n", "DA:1,1\n", "DA:2,0\n", "end_of_record\n", "mode: set\n", "m/a.js:1.2,3.4 1 0\n", "<coverage>", "<class filename=\"a.js\">", "<line number=\"1\" hits=\"0\"/>", "</class>", "</coverage>", "<report>", "<package name=\"p\">", "<sourcefile name=\"A\">", "<counter type=\"LINE\" missed=\"1\" covered=\"2\"/>", "{", "}", "\"total\":", "\"a.js\":", "\"lines\":", "\"covered\": 3", ","])) {
        targets::coverage_report(&data);
    }

    #[test]
    fn code(data in nearly(&["import os\n", "def f(x):\n", "    os.system('ls ' + x)\n", "eval(", ")", "`a ${b}`", "const x = ", "req.query.a", "\n", "{", "}", "(", "\"SELECT * FROM t WHERE a = '\" + n", "db.query(", "FROM a:latest\n", "RUN curl x | sh \\\n", "on: push\njobs:\n", "  a:\n", "    steps:\n      - run: |\n          ${{ github.head_ref }}\n", "# nosemgrep: x\n", "<<EOF\n", "format!(\"{}\", x)", "\u{fc}", "new X().y", "=>", "for (const k in o) t[k] = o[k];"])) {
        targets::sast(&data);
    }

    #[test]
    fn code_rules(data in nearly(&["id: a\n", "cwe: CWE-1\n", "severity: low\n", "message: m\n", "fix: f\n", "match:\n", "- languages: [js]\n", "  call: a.{b,c}\n", "  args: {0: built}\n", "  rule: {pattern: $A($B)}\n", "  where: {A: /x/}\n", "invalid:\n  js: ['a']\n", "!*.js\n", "**/a\n", "[z-a]\n", "{"])) {
        targets::sast_rule(&data);
    }
}

/// A true report with something else in one place.
#[test]
fn reports() {
    let text = include_str!("snapshots/reports__blocked__json.snap");
    let document = text.splitn(3, "---\n").nth(2).expect("a snapshot has a head");
    targets::report(document.as_bytes());
    let mut runner = proptest::test_runner::TestRunner::default();
    let change = (0..document.len(), prop::collection::vec(any::<u8>(), 0..4));
    runner
        .run(&change, |(at, bytes)| {
            let mut data = document.as_bytes().to_vec();
            data.splice(at..(at + bytes.len()).min(document.len()), bytes);
            targets::report(&data);
            Ok(())
        })
        .unwrap();
}

proptest! {
    #[test]
    fn lockfiles(data in nearly(&["{", "}", "[", "]", "\"packages\"", ":", ",", "\"a\"", "\"node_modules/a\"", "[[package]]\n", "name = \"a\"\n", "version = \"1.0\"\n", "dependencies = [\"a\"]\n", "require a v1.0.0\n", "GEM\n  specs:\n    a (1.0)\n      b\n", "a@^1:\n  version \"1.0\"\n", "packages:\n", "  /a/1.0.0:\n", "  a@1.0.0(b@2): {}\n", "<project>", "</project>", "<dependencies><dependency><groupId>${a}</groupId>", "&a", "*a", "a==1.0\\\n", "${", "\\u12", "/"])) {
        targets::lockfile(&data);
    }

    #[test]
    fn versions(data in nearly(&["1", "0", ".", "-", "+", "_", "~", "^", "rc", "alpha", "final", "dev", "post", "#", "v", "\n", "!", "pl", "sp"])) {
        targets::versions(&data);
    }
}
