//! The part of PromQL that questions about memory are written in:
//!
//! ```text
//! query    = compared { "or" [ "on" "(" labels ")" ] compared }
//! compared = sum [ ">" sum ]
//! sum      = term { ("+" | "-") term }
//! term     = number | "(" query ")" | selector
//!          | ("max" | "count") [ "by" "(" labels ")" ] "(" query ")"
//!          | ("timestamp" | "rate" | "avg_over_time" | "max_over_time") "(" selector ")"
//! selector = [ name ] "{" matchers "}" [ "[" seconds or minutes "]" ]
//! ```
use regex::Regex;

/// A query.
#[derive(Debug)]
pub enum Query {
    /// A number.
    Number(f64),
    /// Series.
    Selector(Selector),
    /// A function of a selector.
    Call(String, Selector),
    /// An aggregation: its name, the labels that stay, what it is of.
    Aggregate(String, Vec<String>, Box<Query>),
    /// The left, and of the right what the left does not have, compared by these labels or by all.
    Or(Box<Query>, Option<Vec<String>>, Box<Query>),
    /// Two vectors, label set by label set.
    Pair(Box<Query>, Operator, Box<Query>),
}

/// What is done with two vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// The sum.
    Plus,
    /// The difference.
    Minus,
    /// What of the left is more than the right.
    Above,
}

/// Which series.
#[derive(Debug)]
pub struct Selector {
    /// The metric; none when matchers say which.
    pub metric: Option<String>,
    /// All of them have to fit.
    pub matchers: Vec<Matcher>,
    /// Length of the window in seconds, when there is one.
    pub window: Option<f64>,
}

/// A condition on a label.
#[derive(Debug)]
pub struct Matcher {
    /// The label.
    pub label: String,
    /// Whether the expression has to fit.
    pub fits: bool,
    /// The whole value.
    pub value: Regex,
}

const FUNCTIONS: [&str; 4] = ["timestamp", "rate", "avg_over_time", "max_over_time"];
const AGGREGATIONS: [&str; 2] = ["max", "count"];

/// Reads a query.
pub fn parse(text: &str) -> Result<Query, String> {
    let mut parser = Parser { rest: text.trim() };
    let query = parser.query()?;
    if parser.rest.is_empty() {
        Ok(query)
    } else {
        Err(parser.unexpected())
    }
}

struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn unexpected(&self) -> String {
        let near: String = self.rest.chars().take(20).collect();
        format!("invalid parameter \"query\": parse error: unexpected {near:?}")
    }

    fn eat(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest.trim_start();
                true
            }
            None => false,
        }
    }

    fn need(&mut self, token: &str) -> Result<(), String> {
        if self.eat(token) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    fn word(&mut self) -> &'a str {
        let end = self
            .rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':')
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        word
    }

    fn text(&mut self) -> Result<String, String> {
        let mut values = serde_json::Deserializer::from_str(self.rest).into_iter::<String>();
        let text = values.next().and_then(Result::ok);
        let end = values.byte_offset();
        let text = text.ok_or_else(|| self.unexpected())?;
        self.rest = self.rest[end..].trim_start();
        Ok(text)
    }

    fn labels(&mut self) -> Result<Vec<String>, String> {
        let mut labels = Vec::new();
        self.need("(")?;
        while !self.eat(")") {
            labels.push(self.word().to_owned());
            if !self.eat(",") && !self.rest.starts_with(')') {
                return Err(self.unexpected());
            }
        }
        Ok(labels)
    }

    fn query(&mut self) -> Result<Query, String> {
        let mut left = self.compared()?;
        while self.eat("or ") || self.eat("or(") {
            let on = if self.eat("on ") {
                Some(self.labels()?)
            } else {
                None
            };
            let right = self.compared()?;
            left = Query::Or(Box::new(left), on, Box::new(right));
        }
        Ok(left)
    }

    fn compared(&mut self) -> Result<Query, String> {
        let left = self.sum()?;
        if !self.eat(">") {
            return Ok(left);
        }
        let right = self.sum()?;
        Ok(Query::Pair(
            Box::new(left),
            Operator::Above,
            Box::new(right),
        ))
    }

    fn sum(&mut self) -> Result<Query, String> {
        let mut left = self.term()?;
        loop {
            let operator = if self.eat("+") {
                Operator::Plus
            } else if self.eat("-") {
                Operator::Minus
            } else {
                return Ok(left);
            };
            let right = self.term()?;
            left = Query::Pair(Box::new(left), operator, Box::new(right));
        }
    }

    fn term(&mut self) -> Result<Query, String> {
        if self.eat("(") {
            let query = self.query()?;
            self.need(")")?;
            return Ok(query);
        }
        if self.rest.starts_with('{') {
            return Ok(Query::Selector(self.selector(None)?));
        }
        let word = self.word();
        if word.is_empty() {
            return Err(self.unexpected());
        }
        if let Ok(number) = word.parse() {
            return Ok(Query::Number(number));
        }
        if AGGREGATIONS.contains(&word) {
            let labels = if self.eat("by") {
                self.labels()?
            } else {
                Vec::new()
            };
            self.need("(")?;
            let of = self.query()?;
            self.need(")")?;
            return Ok(Query::Aggregate(word.to_owned(), labels, Box::new(of)));
        }
        if FUNCTIONS.contains(&word) {
            self.need("(")?;
            let metric = self.word();
            let of = self.selector(Some(metric))?;
            self.need(")")?;
            return Ok(Query::Call(word.to_owned(), of));
        }
        Ok(Query::Selector(self.selector(Some(word))?))
    }

    fn selector(&mut self, metric: Option<&str>) -> Result<Selector, String> {
        let mut matchers = Vec::new();
        self.need("{")?;
        while !self.eat("}") {
            let label = self.word().to_owned();
            let (fits, pattern) = if self.eat("=~") {
                (true, self.text()?)
            } else if self.eat("!=") {
                (false, regex::escape(&self.text()?))
            } else {
                self.need("=")?;
                (true, regex::escape(&self.text()?))
            };
            let value = Regex::new(&format!("^(?:{pattern})$")).map_err(|e| e.to_string())?;
            matchers.push(Matcher { label, fits, value });
            self.eat(",");
        }
        let mut window = None;
        if self.eat("[") {
            let word = self.word();
            let (number, unit) = word.split_at(word.len().saturating_sub(1));
            let number: f64 = number.parse().map_err(|_| self.unexpected())?;
            window = Some(match unit {
                "s" => number,
                "m" => number * 60.0,
                _ => return Err(self.unexpected()),
            });
            self.need("]")?;
        }
        Ok(Selector {
            metric: metric.filter(|name| !name.is_empty()).map(str::to_owned),
            matchers,
            window,
        })
    }
}
