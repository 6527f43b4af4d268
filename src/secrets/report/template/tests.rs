use super::super::samples;
use super::*;

fn render(text: &str) -> String {
    let template = Template::parse(text, "t.tmpl").unwrap_or_else(|error| panic!("{text}: {error}"));
    let report = template.render(&samples()).unwrap_or_else(|error| panic!("{text}: {error}"));
    String::from_utf8_lossy(&report).into_owned()
}

fn fails(text: &str) -> String {
    let rendered = Template::parse(text, "t.tmpl").and_then(|template| template.render(&samples()));
    rendered.expect_err(text).to_string()
}

#[test]
fn the_constructs_of_the_language() {
    for (template, expected) in [
        ("a{{/* no */}}b{{- /* no */ -}} c", "abc"),
        ("a {{- 1 -}} \n b{{ -3 }}", "a1b-3"),
        ("{{len .}}{{(index . 0).StartLine}}{{range .}}{{.StartLine}},{{end}}", "222,2,"),
        ("{{range $i, $f := .}}{{$i}}={{$f.File}}{{if eq $i 0}};{{end}}{{end}}", "0=in/app.js;1=zé.txt"),
        ("{{range list}}x{{else}}none{{end}}", "none"),
        ("{{range 3}}{{.}}{{if eq . 1}}{{break}}{{end}}{{end}}", "01"),
        ("{{range 3}}{{if eq . 1}}{{continue}}{{end}}{{.}}{{end}}", "02"),
        ("{{range $k, $v := dict \"b\" 1 \"a\" 2}}{{$k}}{{$v}}{{end}}", "a2b1"),
        ("{{if false}}1{{else if 0}}2{{else}}3{{end}}", "3"),
        ("{{with \"\"}}1{{else with \"x\"}}{{.}}{{end}}", "x"),
        ("{{with $x := 5}}{{$x}}{{.}}{{end}}", "55"),
        ("{{$n := 0}}{{range .}}{{$n = add $n 1}}{{end}}{{$n}}", "2"),
        ("{{$n := 0}}{{range .}}{{$n := 7}}{{end}}{{$n}}", "0"),
        ("{{define \"one\"}}<{{.}}>{{end}}{{template \"one\" 3}}{{template \"one\" \"a\"}}", "<3><a>"),
        ("{{block \"b\" .}}{{len .}}{{end}}", "2"),
        ("{{and 1 0 (fail \"no\")}}{{or 0 \"x\" (fail \"no\")}}{{not true}}", "0xfalse"),
        ("{{`raw\\n`}}{{\"\\u00e9\\x41\\101\"}}{{'a'}}{{0x10}}{{1_000}}{{1.50}}{{1e3}}", "raw\\néAA971610001.51000"),
        ("{{nil | default \"d\"}}{{(dict \"a\" 1).a}}{{(dict).b}}", "d1<no value>"),
    ] {
        assert_eq!(render(template), expected, "{template}");
    }
}

#[test]
fn the_functions_of_go() {
    for (template, expected) in [
        (
            r#"{{printf "%s|%q|%d|%05d|%-4s|%6.2f|%v|%t|%x|%X|%c|%%" "a" "b\n" 5 42 "ab" 3.14159 true false "hi" 255 65}}"#,
            "a|\"b\\n\"|5|00042|ab  |  3.14|true|false|6869|FF|A|%",
        ),
        (
            r#"{{printf "%d %s" "x" 1}}|{{printf "%d"}}|{{printf "a" 1}}|{{printf "%z" 1}}"#,
            "%!d(string=x) %!s(int=1)|%!d(MISSING)|a%!(EXTRA int=1)|%!z(int=1)",
        ),
        (
            r#"{{printf "%.3s|%5t|%+d|%e|%g|%v" "abcdef" true 3 1234.5 0.00001 1e21}}"#,
            "abc| true|+3|1.234500e+03|1e-05|1e+21",
        ),
        (r#"{{print 1 2 "a" 3}}{{println "x" 1}}"#, "1 2a3x 1\n"),
        (
            r#"{{html "<a href='x'>&\""}}|{{js "<'\"=&\n"}}|{{urlquery "a b&ü"}}"#,
            "&lt;a href=&#39;x&#39;&gt;&amp;&#34;|\\u003C\\'\\\"\\u003D\\u0026\\u000A|a+b%26%C3%BC",
        ),
        (r#"{{eq 1 2 1}}{{ne "a" "b"}}{{lt 1 2}}{{ge "b" "a"}}{{gt 1.5 1.0}}"#, "truetruetruetruetrue"),
        (r#"{{index (list 1 2) 1}}{{index (dict "a" 3) "a"}}{{slice (list 1 2 3) 1 2}}{{len "é"}}"#, "23[2]2"),
        (
            r#"{{printf "%.3g|%g|%g" 1234.5678 100000.0 1e20}} {{1e6}} {{123456789.5}}"#,
            "1.23e+03|100000|1e+20 1e+06 1.234567895e+08",
        ),
        ("{{(index . 0).Tags}}{{(index . 0).Entropy}}", "[aws cloud]4.121928"),
    ] {
        assert_eq!(render(template), expected, "{template}");
    }
}

#[test]
fn the_functions_of_sprig() {
    for (template, expected) in [
        (
            r#"{{upper "aé"}}{{lower "AÉ"}}{{title "ab cd"}}{{trim " a "}}{{trimSuffix "b" "ab"}}{{trimPrefix "a" "ab"}}"#,
            "AÉaéAb Cdaab",
        ),
        (
            r#"{{trunc 2 "abc"}}{{trunc -2 "abc"}}{{trunc 9 "abc"}}{{abbrev 5 "abcdefg"}}{{substr 1 3 "abcd"}}"#,
            "abbcabcab...bc",
        ),
        (
            r#"{{"a-b" | replace "-" "_"}}{{contains "b" "abc"}}{{hasPrefix "a" "abc"}}{{repeat 2 "xy"}}{{nospace "a b"}}"#,
            "a_btruetruexyxyab",
        ),
        (r#"{{quote "a\"b" 1}}{{squote "a"}}{{cat "a" 1 "b"}}"#, "\"a\\\"b\" \"1\"'a'a 1 b"),
        (r#"{{indent 2 "a\nb"}}{{nindent 1 "c"}}"#, "  a\n  b\n c"),
        (
            r#"{{join "," (list "a" 1)}}{{(split "," "x,y")._1}}{{splitList "," "x,y"}}{{sortAlpha (list "b" "a")}}"#,
            "a,1y[x y][a b]",
        ),
        (r#"{{default "d" ""}}{{empty 0}}{{coalesce "" 0 "c"}}{{ternary "y" "n" true}}"#, "dtruecy"),
        (
            "{{add 1 2 3}}{{sub 5 2}}{{mul 2 3}}{{div 7 2}}{{mod 7 2}}{{max 1 3 2}}{{min 3 1}}{{int \"12\"}}{{round 1.256 2}}",
            "6363131121.26",
        ),
        ("{{until 3}}{{untilStep 0 6 2}}{{seq 2 4}}", "[0 1 2][0 2 4]2 3 4"),
        (
            "{{list 1 2 | first}}{{list 1 2 | rest}}{{append (list 1) 2}}{{uniq (list 1 1 2)}}{{without (list 1 2) 1}}{{has 1 (list 1)}}",
            "1[2][1 2][1 2][2]true",
        ),
        (
            r#"{{$d := dict "a" 1}}{{$_ := set $d "b" 2}}{{$d}}{{keys $d}}{{hasKey $d "c"}}{{get $d "c"}}{{omit $d "a"}}"#,
            "map[a:1 b:2][a b]falsemap[b:2]",
        ),
        (
            r#"{{b64enc "hello"}}{{b64dec "aGVsbG8="}}{{b64enc "ab"}}{{sha256sum "" | trunc 8}}"#,
            "aGVsbG8=helloYWI=e3b0c442",
        ),
        (
            r#"{{toJson (list 1 "<" nil true 1.5)}}{{toRawJson "<"}}{{(fromJson "{\"a\":[1]}").a}}"#,
            "[1,\"\\u003c\",null,true,1.5]\"<\"[1]",
        ),
        (r#"{{toPrettyJson (dict "a" (list))}}"#, "{\n  \"a\": []\n}"),
        (
            r#"{{regexMatch "^a" "ab"}}{{regexFind "b+" "abb"}}{{regexReplaceAll "a(x*)b" "-ab-axxb-" "${1}W"}}"#,
            "truebb-W-xxW-",
        ),
        (r#"{{base "a/b.txt"}}{{dir "a/b.txt"}}{{ext "a/b.txt"}}{{clean "a//../b/./c"}}"#, "b.txta.txtb/c"),
        (r#"{{mustRegexReplaceAll "a" "aba" "c"}}{{mustFirst (list 1 2)}}{{mustHas 1 (list 1)}}"#, "cbc1true"),
        (r#"{{kindOf 1}}{{kindIs "string" "a"}}{{typeOf .}}"#, "inttrue[]interface {}"),
    ] {
        assert_eq!(render(template), expected, "{template}");
    }
}

#[test]
fn errors_point_at_the_place_and_name_what_is_meant() {
    for (template, expected) in [
        ("a\n {{ uper .x }}", "t.tmpl:2:5: there is no function `uper`"),
        ("{{ must }}", "t.tmpl:1:4: there is no function `must`"),
        ("{{ mustété }}", "t.tmpl:1:4: there is no function `mustété`"),
        ("{{ now }}", "t.tmpl:1:4: the function `now` is left out"),
        ("{{range .}}{{.Secrt}}{{end}}", "t.tmpl:1:14: a finding has no field `Secrt`"),
        ("{{.RuleID}}", "t.tmpl:1:3: a list has no field `RuleID`"),
        ("{{$x}}", "t.tmpl:1:3: there is no variable `$x`"),
        ("{{$x = 1}}", "t.tmpl:1:3: there is no variable `$x`"),
        ("{{if 1}}", "t.tmpl:1:1: this block is not closed"),
        ("{{end}}", "t.tmpl:1:1: there is nothing for `end` to end"),
        ("{{ 1", "t.tmpl:1:1: this action is not closed"),
        ("{{/* 1", "t.tmpl:1:1: this comment is not closed"),
        ("{{\"a}}", "t.tmpl:1:3: this string is not closed"),
        ("{{(1}}", "t.tmpl:1:3: this parenthesis is not closed"),
        ("{{1 | 2}}", "t.tmpl:1:7: only a function can take what is piped into it"),
        ("{{1 2}}", "t.tmpl:1:5: only a function can take arguments"),
        ("{{break}}", "t.tmpl:1:1: `break` stands in no `range`"),
        ("{{template \"x\"}}", "t.tmpl:1:12: there is no template \"x\""),
        ("{{upper 1}}", "t.tmpl:1:3: `upper` cannot take a number"),
        ("{{div 1 0}}", "t.tmpl:1:3: `div`: the numbers cannot be reckoned with"),
        ("{{eq 1 \"a\"}}", "t.tmpl:1:3: `eq`: a number and a string cannot be compared"),
        ("{{fail \"stop\"}}", "t.tmpl:1:3: `fail`: stop"),
        ("{{index . 7}}", "t.tmpl:1:3: `index`: there is no element 7"),
    ] {
        assert_eq!(fails(template), expected, "{template}");
    }
    let error = Template::parse("{{ uper . }}", "t").unwrap_err();
    assert_eq!(error.hint().as_deref(), Some("did you mean `upper`?"));
}

#[test]
fn a_template_cannot_run_away() {
    assert!(fails("{{define \"a\"}}{{template \"a\"}}{{end}}{{template \"a\"}}").contains("more than 200 levels"));
    assert!(fails("{{repeat 1000000000 \"aaaa\"}}").contains("grows too large"));
    assert!(fails("{{until 99999999}}").contains("more than 1000000 numbers"));
    assert!(fails("{{$x := list}}{{range 100}}{{$x = list $x}}{{end}}{{$x}}").contains("stand in each other"));
    assert!(fails("{{$x := dict}}{{range 100}}{{$_ := set $x \"a\" $x}}{{end}}").contains("stand in each other"));
    assert!(fails(&"{{if 1}}".repeat(100)).contains("more than 60 levels"));
    assert!(fails(&format!("{{{{{}1{}}}}}", "(".repeat(100), ")".repeat(100))).contains("more than 60 levels"));
    assert!(fails("{{printf \"%99999999d\" 1}}").contains("width"));
}

#[test]
fn every_function_that_is_known_can_be_called() {
    use super::value::Value;
    // A string, a number, base64 and JSON at once.
    let text = || Value::text("1234");
    let shapes: Vec<Vec<Value>> = vec![
        vec![],
        vec![text()],
        vec![Value::Int(1)],
        vec![text(), text()],
        vec![Value::Int(1), Value::Int(2)],
        vec![Value::Int(1), text()],
        vec![text(), text(), text()],
        vec![Value::Int(0), Value::Int(1), text()],
        vec![Value::Int(0), Value::Int(1), Value::Int(1)],
        vec![text(), Value::Int(1), text()],
        vec![text(), text(), Value::Int(1)],
        vec![text(), text(), Value::Bool(true)],
        vec![Value::list(vec![text()]).unwrap()],
        vec![Value::list(vec![text()]).unwrap(), text()],
        vec![text(), Value::list(vec![text()]).unwrap()],
        vec![Value::dict(Default::default()).unwrap()],
        vec![Value::dict(Default::default()).unwrap(), text()],
        vec![Value::dict(Default::default()).unwrap(), text(), text()],
        vec![text(), text(), Value::dict(Default::default()).unwrap()],
    ];
    for name in functions::NAMES.iter().filter(|name| !matches!(**name, "and" | "or" | "fail")) {
        let worked = shapes.iter().any(|arguments| functions::call(name, arguments).is_ok());
        assert!(worked, "{name}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(\\{\\{-? ?|(range|if|with|else|end|define|template|break|index|slice|trunc|printf|substr|split) |\\$x|:=|=|\\.|\\(|\\)|\\||\"a%d\"|-?[0-9]|\\.File| |-?\\}\\}|é|,|'|`){0,40}") {
        if let Ok(template) = Template::parse(&text, "t") {
            let _ = template.render(&samples());
        }
    }
}
