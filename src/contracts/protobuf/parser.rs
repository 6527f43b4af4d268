//! From text to declarations. One pass, one token ahead, two where a keyword may be a name.
//!
//! <https://protobuf.dev/reference/protobuf/proto2-spec/>, …/proto3-spec/, …/edition-2024-spec/. It takes what the
//! three have in common and what each has for itself, and leaves it to a compiler to be strict about which belongs where.

use super::lexer::{Kind, Lexer, Mistake, Span, Token, unquoted};
use super::model::{
    Enum, EnumValue, Field, File, Import, Label, Message, Method, Oneof, Opt, Range, Scalar, Service, Syntax, Written,
    option,
};

/// Messages within messages, and values within values of options. The reference compiler stops at 32 and 100.
const MOST_DEEP: usize = 64;
/// The highest number of a field, and of one in a message with the old wire format of message sets.
const MAX_FIELD: i64 = 536_870_911;
const MAX_MESSAGE_SET: i64 = 2_147_483_646;

pub(super) fn parse(path: &str, text: Vec<u8>) -> Result<File, (Mistake, Vec<u8>)> {
    match declarations(path, &text) {
        Ok(file) => Ok(File { text, ..file }),
        Err(mistake) => Err((mistake, text)),
    }
}

/// What stands at the top of a file, without a look into any declaration: its package and its imports.
pub(super) fn head(text: &[u8]) -> Result<(String, Vec<Import>), Mistake> {
    let mut parser = Parser::new(text)?;
    let (mut package, mut imports) = (String::new(), Vec::new());
    let mut deep = 0_usize;
    let mut fresh = true;
    while parser.ahead.kind != Kind::End {
        let begins = std::mem::replace(&mut fresh, false) && deep == 0;
        if begins && parser.is_word(b"package") {
            package = parser.package()?.0;
            fresh = true;
        } else if begins && parser.is_word(b"import") {
            imports.push(parser.import()?);
            fresh = true;
        } else {
            match parser.advance()?.kind {
                Kind::Mark(b'{') => deep += 1,
                Kind::Mark(b'}') => {
                    deep = deep.saturating_sub(1);
                    fresh = true;
                }
                Kind::Mark(b';') => fresh = true,
                _ => {}
            }
        }
    }
    Ok((package, imports))
}

fn declarations(path: &str, text: &[u8]) -> Result<File, Mistake> {
    let mut parser = Parser::new(text)?;
    let mut file = File {
        path: path.into(),
        text: Vec::new(),
        syntax: Syntax::Proto2,
        syntax_span: None,
        package: String::new(),
        package_span: None,
        imports: Vec::new(),
        options: Vec::new(),
        messages: Vec::new(),
        enums: Vec::new(),
        services: Vec::new(),
        extensions: Vec::new(),
    };
    while parser.ahead.kind != Kind::End {
        parser.visibility()?;
        match parser.word_ahead() {
            b"syntax" | b"edition" => {
                let (syntax, span) = parser.syntax()?;
                (file.syntax, file.syntax_span) = (syntax, Some(span));
            }
            b"package" => {
                let (package, span) = parser.package()?;
                (file.package, file.package_span) = (package, Some(span));
            }
            b"import" => file.imports.push(parser.import()?),
            b"option" => parser.option_statement(&mut file.options)?,
            b"message" => file.messages.push(parser.message(0)?),
            b"enum" => file.enums.push(parser.enumeration()?),
            b"service" => file.services.push(parser.service()?),
            b"extend" => parser.extend(&mut file.extensions, &mut file.messages, 0)?,
            _ if parser.ahead.kind == Kind::Mark(b';') => drop(parser.advance()?),
            _ => return Err(parser.unexpected("a declaration such as `message`, `enum`, `service` or `import`")),
        }
    }
    Ok(file)
}

struct Parser<'a> {
    text: &'a [u8],
    lexer: Lexer<'a>,
    ahead: Token,
    last: Span,
}

impl<'a> Parser<'a> {
    fn new(text: &'a [u8]) -> Result<Self, Mistake> {
        let mut lexer = Lexer::new(text);
        let ahead = lexer.next()?;
        Ok(Self { text, lexer, ahead, last: Span::default() })
    }

    fn advance(&mut self) -> Result<Token, Mistake> {
        let token = self.ahead;
        self.last = token.span;
        self.ahead = self.lexer.next()?;
        Ok(token)
    }

    fn bytes(&self, span: Span) -> &'a [u8] {
        &self.text[span.start as usize..span.end as usize]
    }

    fn string(&self, span: Span) -> String {
        String::from_utf8_lossy(self.bytes(span)).into_owned()
    }

    /// The word ahead, or nothing if it is none.
    fn word_ahead(&self) -> &'a [u8] {
        if self.ahead.kind == Kind::Word { self.bytes(self.ahead.span) } else { b"" }
    }

    fn is_word(&self, word: &[u8]) -> bool {
        self.word_ahead() == word
    }

    fn is(&self, mark: u8) -> bool {
        self.ahead.kind == Kind::Mark(mark)
    }

    /// The token behind the one ahead.
    fn beyond(&self) -> Token {
        let mut lexer = self.lexer.clone();
        lexer.next().unwrap_or(Token { kind: Kind::End, span: self.ahead.span })
    }

    fn take(&mut self, mark: u8) -> Result<bool, Mistake> {
        let there = self.is(mark);
        if there {
            self.advance()?;
        }
        Ok(there)
    }

    fn take_word(&mut self, word: &[u8]) -> Result<bool, Mistake> {
        let there = self.is_word(word);
        if there {
            self.advance()?;
        }
        Ok(there)
    }

    fn unexpected(&self, wanted: &str) -> Mistake {
        let found = match self.ahead.kind {
            Kind::End => "the end of the file".into(),
            _ => format!("`{}`", self.string(self.ahead.span).chars().take(40).collect::<String>()),
        };
        Mistake { at: self.ahead.span, what: format!("expected {wanted}, found {found}") }
    }

    fn need(&mut self, mark: u8) -> Result<Span, Mistake> {
        if !self.is(mark) {
            return Err(self.unexpected(&format!("`{}`", mark as char)));
        }
        Ok(self.advance()?.span)
    }

    fn name(&mut self) -> Result<(String, Span), Mistake> {
        if self.ahead.kind != Kind::Word {
            return Err(self.unexpected("a name"));
        }
        let span = self.advance()?.span;
        Ok((self.string(span), span))
    }

    /// `a.b.c` or `.a.b.c`, blanks and comments between its parts left out.
    fn full_name(&mut self) -> Result<(String, Span), Mistake> {
        let start = self.ahead.span;
        let mut name = String::new();
        if self.take(b'.')? {
            name.push('.');
        }
        loop {
            name.push_str(&self.name()?.0);
            if !self.take(b'.')? {
                return Ok((name, start.to(self.last)));
            }
            name.push('.');
        }
    }

    /// One or more strings that stand beside each other.
    fn text(&mut self) -> Result<Vec<u8>, Mistake> {
        if self.ahead.kind != Kind::Text {
            return Err(self.unexpected("a string"));
        }
        let mut bytes = Vec::new();
        while self.ahead.kind == Kind::Text {
            let span = self.advance()?.span;
            bytes.extend(unquoted(self.bytes(span)));
        }
        Ok(bytes)
    }

    fn integer(&mut self) -> Result<(i64, Span), Mistake> {
        let start = self.ahead.span;
        let negative = self.take(b'-')?;
        if self.ahead.kind != Kind::Integer {
            return Err(self.unexpected("a whole number"));
        }
        let span = self.advance()?.span;
        let value = whole(self.bytes(span)).and_then(|value| i64::try_from(value).ok());
        let value = value.filter(|value| *value <= i64::from(u32::MAX));
        let Some(value) = value else {
            return Err(Mistake { at: span, what: "this number is out of range".into() });
        };
        Ok((if negative { -value } else { value }, start.to(span)))
    }

    fn syntax(&mut self) -> Result<(Syntax, Span), Mistake> {
        let start = self.advance()?.span;
        self.need(b'=')?;
        let at = self.ahead.span;
        let value = self.text()?;
        let syntax = match &value[..] {
            b"proto2" => Some(Syntax::Proto2),
            b"proto3" => Some(Syntax::Proto3),
            year => std::str::from_utf8(year).ok().and_then(|year| year.parse().ok()).map(Syntax::Edition),
        };
        let Some(syntax) = syntax else {
            let value = String::from_utf8_lossy(&value).chars().take(40).collect::<String>();
            return Err(Mistake { at, what: format!("`{value}` is neither proto2, proto3 nor an edition") });
        };
        let end = self.need(b';')?;
        Ok((syntax, start.to(end)))
    }

    fn package(&mut self) -> Result<(String, Span), Mistake> {
        let start = self.advance()?.span;
        let name = self.full_name()?.0;
        let end = self.need(b';')?;
        Ok((name, start.to(end)))
    }

    fn import(&mut self) -> Result<Import, Mistake> {
        let start = self.advance()?.span;
        let public = self.take_word(b"public")?;
        if !public && !self.take_word(b"weak")? {
            self.take_word(b"option")?;
        }
        let path = String::from_utf8_lossy(&self.text()?).into_owned();
        let end = self.need(b';')?;
        Ok(Import { path, public, span: start.to(end) })
    }

    /// `export` and `local` of edition 2024, which say who may use a declaration and change nothing else.
    fn visibility(&mut self) -> Result<(), Mistake> {
        if self.is_word(b"export") || self.is_word(b"local") {
            let next = self.beyond();
            if next.kind == Kind::Word && matches!(self.bytes(next.span), b"message" | b"enum") {
                self.advance()?;
            }
        }
        Ok(())
    }

    fn option_statement(&mut self, options: &mut Vec<Opt>) -> Result<(), Mistake> {
        let start = self.advance()?.span;
        let first = options.len();
        self.option_value(options)?;
        let end = self.need(b';')?;
        for option in &mut options[first..] {
            option.span = start.to(end);
        }
        Ok(())
    }

    /// `[a = 1, b = 2]`, or nothing.
    fn bracketed(&mut self, options: &mut Vec<Opt>) -> Result<(), Mistake> {
        if !self.take(b'[')? {
            return Ok(());
        }
        loop {
            self.option_value(options)?;
            if !self.take(b',')? {
                self.need(b']')?;
                return Ok(());
            }
        }
    }

    fn option_value(&mut self, options: &mut Vec<Opt>) -> Result<(), Mistake> {
        let start = self.ahead.span;
        let mut name = String::new();
        loop {
            if self.take(b'(')? {
                name.push('(');
                name.push_str(self.full_name()?.0.trim_start_matches('.'));
                name.push(')');
                self.need(b')')?;
            } else {
                name.push_str(&self.name()?.0);
            }
            if !self.take(b'.')? {
                break;
            }
            name.push('.');
        }
        self.need(b'=')?;
        let first = options.len();
        if self.is(b'{') {
            self.aggregate(name, options)?;
        } else {
            let value = self.scalar_value()?;
            options.push(Opt { name, value, span: start });
        }
        let span = start.to(self.last);
        for option in &mut options[first..] {
            option.span = span;
        }
        Ok(())
    }

    fn scalar_value(&mut self) -> Result<Vec<u8>, Mistake> {
        if self.ahead.kind == Kind::Text {
            return self.text();
        }
        let mut value = Vec::new();
        if self.take(b'-')? {
            value.push(b'-');
        } else {
            self.take(b'+')?;
        }
        match self.ahead.kind {
            Kind::Word | Kind::Integer | Kind::Float => {
                let span = self.advance()?.span;
                value.extend_from_slice(self.bytes(span));
                // A name in a message may be a full one.
                while self.ahead.kind == Kind::Mark(b'.') {
                    self.advance()?;
                    value.push(b'.');
                    value.extend(self.name()?.0.into_bytes());
                }
                Ok(value)
            }
            _ => Err(self.unexpected("a value")),
        }
    }

    /// A message as text, flattened: `{a {b: 1}}` under `o` is `o.a.b = 1`. Lists are passed over: nothing that is
    /// asked for is one.
    fn aggregate(&mut self, name: String, options: &mut Vec<Opt>) -> Result<(), Mistake> {
        let mut prefixes = vec![name];
        self.need(b'{')?;
        while let Some(prefix) = prefixes.last() {
            if self.take(b'}')? || self.take(b'>')? {
                prefixes.pop();
                if !prefixes.is_empty() && !self.take(b',')? {
                    self.take(b';')?;
                }
                continue;
            }
            let key = if self.take(b'[')? {
                // An extension, or the address of a type: `[pb.cpp]`, `[host/a.b.C]`.
                let mut key = self.full_name()?.0;
                while self.take(b'/')? {
                    key = self.full_name()?.0;
                }
                self.need(b']')?;
                below(prefix, &format!("({key})"))
            } else {
                below(prefix, &self.name()?.0)
            };
            let colon = self.take(b':')?;
            if self.take(b'{')? || self.take(b'<')? {
                if prefixes.len() >= MOST_DEEP {
                    return Err(self.too_deep());
                }
                prefixes.push(key);
                continue;
            }
            if !colon {
                return Err(self.unexpected("`:` or `{`"));
            }
            if self.is(b'[') {
                self.skip_list()?;
            } else {
                let value = self.scalar_value()?;
                if key.starts_with("features.") {
                    options.push(Opt { name: key, value, span: self.last });
                }
            }
            if !self.take(b',')? {
                self.take(b';')?;
            }
        }
        Ok(())
    }

    fn skip_list(&mut self) -> Result<(), Mistake> {
        let mut deep = 0_usize;
        loop {
            match self.ahead.kind {
                Kind::Mark(b'[' | b'{') => deep += 1,
                Kind::Mark(b']' | b'}') => deep -= 1,
                Kind::End => return Err(self.unexpected("`]`")),
                _ => {}
            }
            self.advance()?;
            if deep == 0 {
                return Ok(());
            }
        }
    }

    fn too_deep(&self) -> Mistake {
        Mistake { at: self.last, what: format!("this is nested deeper than {MOST_DEEP} levels") }
    }

    fn message(&mut self, depth: usize) -> Result<Message, Mistake> {
        let start = self.advance()?.span;
        let mut message = Message { name: self.name()?.0, ..Message::default() };
        self.message_body(&mut message, depth)?;
        message.span = start.to(self.last);
        Ok(message)
    }

    fn message_body(&mut self, message: &mut Message, depth: usize) -> Result<(), Mistake> {
        self.need(b'{')?;
        if depth >= MOST_DEEP {
            return Err(self.too_deep());
        }
        while !self.take(b'}')? {
            if self.take(b';')? {
                continue;
            }
            self.visibility()?;
            match self.word_ahead() {
                b"message" => message.messages.push(self.message(depth + 1)?),
                b"enum" => message.enums.push(self.enumeration()?),
                b"extend" => self.extend(&mut message.extensions, &mut message.messages, depth + 1)?,
                b"option" => self.option_statement(&mut message.options)?,
                b"oneof" => self.oneof(message, depth)?,
                b"reserved" => self.reserved(&mut message.reserved_ranges, &mut message.reserved_names)?,
                b"extensions" => {
                    self.advance()?;
                    self.ranges(&mut message.extension_ranges)?;
                    self.bracketed(&mut Vec::new())?;
                    self.need(b';')?;
                }
                _ => {
                    let field = self.field(None, None, &mut message.messages, depth)?;
                    message.fields.push(field);
                }
            }
        }
        let set = option(&message.options, "message_set_wire_format").is_some_and(|option| option.value == b"true");
        let max = if set { MAX_MESSAGE_SET } else { MAX_FIELD };
        for range in message.reserved_ranges.iter_mut().chain(&mut message.extension_ranges) {
            range.last = range.last.min(max);
        }
        Ok(())
    }

    fn oneof(&mut self, message: &mut Message, depth: usize) -> Result<(), Mistake> {
        self.advance()?;
        let mut oneof = Oneof { name: self.name()?.0, options: Vec::new() };
        self.need(b'{')?;
        let index = message.oneofs.len();
        while !self.take(b'}')? {
            if self.take(b';')? {
            } else if self.is_word(b"option") {
                self.option_statement(&mut oneof.options)?;
            } else {
                let field = self.field(None, Some(index), &mut message.messages, depth)?;
                message.fields.push(field);
            }
        }
        message.oneofs.push(oneof);
        Ok(())
    }

    fn extend(
        &mut self,
        extensions: &mut Vec<Field>,
        messages: &mut Vec<Message>,
        depth: usize,
    ) -> Result<(), Mistake> {
        self.advance()?;
        let extendee = self.full_name()?.0;
        self.need(b'{')?;
        while !self.take(b'}')? {
            if !self.take(b';')? {
                extensions.push(self.field(Some(&extendee), None, messages, depth)?);
            }
        }
        Ok(())
    }

    /// A field; a group or a map puts its message among `messages`.
    fn field(
        &mut self,
        extendee: Option<&str>,
        oneof: Option<usize>,
        messages: &mut Vec<Message>,
        depth: usize,
    ) -> Result<Field, Mistake> {
        let start = self.ahead.span;
        let label = match self.word_ahead() {
            b"optional" => Label::Optional,
            b"required" => Label::Required,
            b"repeated" => Label::Repeated,
            _ => Label::None,
        };
        if label != Label::None {
            self.advance()?;
        }
        if self.is_word(b"group") && self.beyond().kind == Kind::Word {
            return self.group(start, label, extendee, oneof, messages, depth);
        }
        let mut entry = None;
        let mut type_span = self.ahead.span;
        let written = if self.is_word(b"map") && self.beyond().kind == Kind::Mark(b'<') {
            entry = Some(self.map_entry()?);
            type_span = type_span.to(self.last);
            Written::Map(String::new())
        } else {
            let (name, span) = self.full_name()?;
            type_span = span;
            match Scalar::named(name.as_bytes()) {
                Some(scalar) => Written::Scalar(scalar),
                None => Written::Named(name),
            }
        };
        let (name, name_span) = self.name()?;
        self.need(b'=')?;
        let number = self.integer()?.0;
        let mut options = Vec::new();
        self.bracketed(&mut options)?;
        let end = self.need(b';')?;
        let span = start.to(end);
        let mut field = Field {
            name,
            number,
            label,
            written,
            oneof,
            options,
            extendee: extendee.map(Into::into),
            span,
            name_span,
            type_span,
        };
        if let Some(mut entry) = entry {
            entry.name = entry_name(&field.name);
            entry.span = span;
            // What is said of the map holds for its keys and values.
            entry.options =
                field.options.iter().filter(|option| option.name.starts_with("features.")).cloned().collect();
            for part in &mut entry.fields {
                (part.span, part.name_span, part.type_span) = (span, span, span);
            }
            field.written = Written::Map(entry.name.clone());
            messages.push(entry);
        }
        Ok(field)
    }

    /// `map<key, value>`: the message that stands for one entry, still without a name.
    fn map_entry(&mut self) -> Result<Message, Mistake> {
        self.advance()?;
        self.need(b'<')?;
        let mut entry = Message { map_entry: true, ..Message::default() };
        for (number, name) in [(1, "key"), (2, "value")] {
            let written = self.full_name()?.0;
            entry.fields.push(Field {
                name: name.into(),
                number,
                label: Label::None,
                written: match Scalar::named(written.as_bytes()) {
                    Some(scalar) => Written::Scalar(scalar),
                    None => Written::Named(written),
                },
                oneof: None,
                options: Vec::new(),
                extendee: None,
                span: Span::default(),
                name_span: Span::default(),
                type_span: Span::default(),
            });
            self.need(if number == 1 { b',' } else { b'>' })?;
        }
        Ok(entry)
    }

    fn group(
        &mut self,
        start: Span,
        label: Label,
        extendee: Option<&str>,
        oneof: Option<usize>,
        messages: &mut Vec<Message>,
        depth: usize,
    ) -> Result<Field, Mistake> {
        self.advance()?;
        let (name, name_span) = self.name()?;
        self.need(b'=')?;
        let number = self.integer()?.0;
        let mut options = Vec::new();
        self.bracketed(&mut options)?;
        let mut message = Message { name: name.clone(), ..Message::default() };
        self.message_body(&mut message, depth + 1)?;
        let span = start.to(self.last);
        message.span = span;
        messages.push(message);
        Ok(Field {
            name: name.to_ascii_lowercase(),
            number,
            label,
            written: Written::Group(name),
            oneof,
            options,
            extendee: extendee.map(Into::into),
            span,
            name_span,
            type_span: name_span,
        })
    }

    fn enumeration(&mut self) -> Result<Enum, Mistake> {
        let start = self.advance()?.span;
        let mut all = Enum { name: self.name()?.0, ..Enum::default() };
        self.need(b'{')?;
        while !self.take(b'}')? {
            if self.take(b';')? {
                continue;
            }
            // A value may be called like a keyword.
            let is_value = self.beyond().kind == Kind::Mark(b'=');
            match self.word_ahead() {
                b"option" if !is_value => self.option_statement(&mut all.options)?,
                b"reserved" if !is_value => self.reserved(&mut all.reserved_ranges, &mut all.reserved_names)?,
                _ => {
                    let name = self.name()?.0;
                    self.need(b'=')?;
                    let (number, number_span) = self.integer()?;
                    self.bracketed(&mut Vec::new())?;
                    self.need(b';')?;
                    all.values.push(EnumValue { name, number, number_span });
                }
            }
        }
        for range in &mut all.reserved_ranges {
            range.last = range.last.min(i64::from(i32::MAX));
        }
        all.span = start.to(self.last);
        Ok(all)
    }

    fn reserved(&mut self, ranges: &mut Vec<Range>, names: &mut Vec<String>) -> Result<(), Mistake> {
        self.advance()?;
        if self.ahead.kind == Kind::Text || self.ahead.kind == Kind::Word {
            loop {
                // proto2 and proto3 quote a name, editions do not.
                names.push(match self.ahead.kind {
                    Kind::Text => String::from_utf8_lossy(&self.text()?).into_owned(),
                    _ => self.name()?.0,
                });
                if !self.take(b',')? {
                    break;
                }
            }
        } else {
            self.ranges(ranges)?;
        }
        self.need(b';')?;
        Ok(())
    }

    /// `1, 2 to 5, 9 to max`. What `max` is, the owner knows.
    fn ranges(&mut self, ranges: &mut Vec<Range>) -> Result<(), Mistake> {
        loop {
            let first = self.integer()?.0;
            let mut last = first;
            if self.take_word(b"to")? {
                last = if self.take_word(b"max")? { i64::MAX } else { self.integer()?.0 };
            }
            ranges.push(Range { first, last });
            if !self.take(b',')? {
                return Ok(());
            }
        }
    }

    fn service(&mut self) -> Result<Service, Mistake> {
        let start = self.advance()?.span;
        let mut service = Service { name: self.name()?.0, methods: Vec::new(), span: start };
        self.need(b'{')?;
        while !self.take(b'}')? {
            match self.word_ahead() {
                b"option" => self.option_statement(&mut Vec::new())?,
                b"rpc" => service.methods.push(self.method()?),
                _ if self.take(b';')? => {}
                _ => return Err(self.unexpected("`rpc` or `option`")),
            }
        }
        service.span = start.to(self.last);
        Ok(service)
    }

    fn method(&mut self) -> Result<Method, Mistake> {
        let start = self.advance()?.span;
        let name = self.name()?.0;
        let (client_streams, request, request_span) = self.message_of_method()?;
        if !self.take_word(b"returns")? {
            return Err(self.unexpected("`returns`"));
        }
        let (server_streams, response, response_span) = self.message_of_method()?;
        let mut options = Vec::new();
        if !self.take(b';')? {
            self.need(b'{')?;
            while !self.take(b'}')? {
                match self.is_word(b"option") {
                    true => self.option_statement(&mut options)?,
                    false => drop(self.need(b';')?),
                }
            }
        }
        let span = start.to(self.last);
        Ok(Method {
            name,
            request,
            response,
            client_streams,
            server_streams,
            options,
            span,
            request_span,
            response_span,
        })
    }

    fn message_of_method(&mut self) -> Result<(bool, String, Span), Mistake> {
        self.need(b'(')?;
        // A message may be called `stream`.
        let streams = self.is_word(b"stream") && !matches!(self.beyond().kind, Kind::Mark(b')'));
        if streams {
            self.advance()?;
        }
        let (name, span) = self.full_name()?;
        self.need(b')')?;
        Ok((streams, name, span))
    }
}

/// The name of a field of an option. Only features are asked for by such names; other names may be long and are dropped.
fn below(prefix: &str, name: &str) -> String {
    match prefix.starts_with("features") && prefix.len() + name.len() < 80 {
        true => format!("{prefix}.{name}"),
        false => "_".into(),
    }
}

/// A whole number as the language writes it: decimal, octal, hexadecimal.
pub(super) fn whole(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    if let Some(digits) = text.strip_prefix("0x").or(text.strip_prefix("0X")) {
        return u64::from_str_radix(digits, 16).ok();
    }
    match text.strip_prefix('0') {
        Some(digits) if !digits.is_empty() => u64::from_str_radix(digits, 8).ok(),
        _ => text.parse().ok(),
    }
}

/// The name of the message that stands for an entry of the map `field`: `AbCdEntry` for `ab_cd`.
fn entry_name(field: &str) -> String {
    let mut name = String::with_capacity(field.len() + 5);
    let mut upper = true;
    for character in field.chars() {
        if character == '_' {
            upper = true;
        } else {
            name.push(if upper { character.to_ascii_uppercase() } else { character });
            upper = false;
        }
    }
    name + "Entry"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> File {
        parse("a.proto", text.into()).map_err(|(mistake, _)| mistake.what).unwrap()
    }

    fn mistake(text: &str) -> String {
        parse("a.proto", text.into()).err().map(|(mistake, _)| mistake.what).unwrap_or_default()
    }

    #[test]
    fn a_file_of_each_language_is_read() {
        let old =
            file("package a.b; message M { optional group Ab = 1 { required int32 x = 2; } extensions 5 to max; }");
        assert_eq!((old.syntax, &*old.package), (Syntax::Proto2, "a.b"));
        assert_eq!(old.messages[0].fields[0].name, "ab");
        assert_eq!(old.messages[0].extension_ranges[0].last, MAX_FIELD);
        let new =
            file("syntax = 'proto3'; message M { map<string, .a.B> c_d = 1; oneof o { M m = 2 [(x).y = {z: [1]}]; } }");
        assert_eq!(new.messages[0].messages[0].name, "CDEntry");
        assert_eq!(new.messages[0].fields[1].oneof, Some(0));
        let edition = file(
            "edition = '2024'; option features = { field_presence: IMPLICIT [pb.cpp] { string_type: VIEW } };\n\
             export message M { reserved a, b; stream s = 1; } service S { rpc R(stream M) returns (stream) { option idempotency_level = IDEMPOTENT; } }",
        );
        assert_eq!(edition.options[0].name, "features.field_presence");
        assert_eq!(edition.options[1].name, "features.(pb.cpp).string_type");
        let method = &edition.services[0].methods[0];
        assert!(method.client_streams && !method.server_streams);
    }

    #[test]
    fn a_head_is_read_without_the_rest() {
        let text = "// x\npackage a.b;\nimport public 'c.proto';\nmessage M { message package {} import x = 1; }\nimport 'd.proto';";
        let (package, imports) = head(text.as_bytes()).unwrap();
        assert_eq!(package, "a.b");
        let paths: Vec<&str> = imports.iter().map(|import| &*import.path).collect();
        assert_eq!(paths, ["c.proto", "d.proto"]);
    }

    #[test]
    fn mistakes_say_what_was_expected() {
        assert_eq!(mistake("message M { string a 1; }"), "expected `=`, found `1`");
        assert_eq!(mistake("message M {"), "expected a name, found the end of the file");
        assert_eq!(mistake("syntax = 'proto4';"), "`proto4` is neither proto2, proto3 nor an edition");
        assert_eq!(mistake("message M { string a = 99999999999; }"), "this number is out of range");
    }

    #[test]
    fn depth_has_an_end() {
        let deep = "message M {".repeat(1_000_000);
        assert_eq!(mistake(&deep), "this is nested deeper than 64 levels");
        let deep = format!("option a = {{{}", "b {".repeat(1_000_000));
        assert_eq!(mistake(&deep), "this is nested deeper than 64 levels");
        let deep = format!("option a = {{ b: {}", "[".repeat(1_000_000));
        assert_eq!(mistake(&deep), "expected `]`, found the end of the file");
    }
}
