//! JSON with the path to it, so that errors can say where.

use serde_json::Value;

/// What is wrong at a path.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) path: String,
    pub(super) expected: &'static str,
    pub(super) got: String,
}

/// A value and where it is, for example `$.eval_cases[0].eval_id`.
#[derive(Debug, Clone)]
pub(super) struct At<'v> {
    pub(super) value: &'v Value,
    pub(super) path: String,
}

impl<'v> At<'v> {
    pub(super) fn root(value: &'v Value) -> Self {
        Self { value, path: "$".to_owned() }
    }

    /// The field in snake or camel case; `null` is absent.
    pub(super) fn field(&self, snake: &str) -> Option<At<'v>> {
        let camel = camel(snake);
        [snake, camel.as_str()].into_iter().find_map(|name| {
            let value = self.value.get(name).filter(|value| !value.is_null())?;
            Some(At { value, path: format!("{}.{name}", self.path) })
        })
    }

    pub(super) fn need(&self, snake: &str, expected: &'static str) -> Result<At<'v>, Wrong> {
        self.field(snake).ok_or_else(|| Wrong {
            path: format!("{}.{snake}", self.path),
            expected,
            got: "nothing".to_owned(),
        })
    }

    pub(super) fn items(&self) -> Result<Vec<At<'v>>, Wrong> {
        let items = self.value.as_array().ok_or_else(|| self.wrong("a list"))?;
        let at = |(index, value)| At { value, path: format!("{}[{index}]", self.path) };
        Ok(items.iter().enumerate().map(at).collect())
    }

    /// The items of a field that may be absent.
    pub(super) fn items_of(&self, snake: &str) -> Result<Vec<At<'v>>, Wrong> {
        self.field(snake).map_or(Ok(Vec::new()), |field| field.items())
    }

    pub(super) fn object(&self) -> Result<&Self, Wrong> {
        if self.value.is_object() { Ok(self) } else { Err(self.wrong("an object")) }
    }

    pub(super) fn text(&self) -> Result<&'v str, Wrong> {
        self.value.as_str().ok_or_else(|| self.wrong("a text"))
    }

    /// The text of a field that may be absent.
    pub(super) fn text_of(&self, snake: &str) -> Result<Option<String>, Wrong> {
        self.field(snake).map(|field| field.text().map(str::to_owned)).transpose()
    }

    pub(super) fn wrong(&self, expected: &'static str) -> Wrong {
        let got = match self.value {
            Value::Null => "null".to_owned(),
            Value::Bool(_) => "a boolean".to_owned(),
            Value::Number(number) => format!("the number {number}"),
            Value::String(text) => format!("the text `{}`", text.chars().take(40).collect::<String>()),
            Value::Array(_) => "a list".to_owned(),
            Value::Object(_) => "an object".to_owned(),
        };
        Wrong { path: self.path.clone(), expected, got }
    }
}

fn camel(snake: &str) -> String {
    let mut words = snake.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}
