//! Reads the layers (defaults < file < environment < flags), remembers where each value came from,
//! and refuses keys nobody reads: a misspelt setting must not be silently ignored.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use figment::providers::{Format, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};
use keyhaven_protocol::secret::Secret;

use super::{Config, Key, Setting, secret_file};

/// Variables with our prefix that are no settings: where the file is, and what the command line
/// uses to reach a server.
const NOT_SETTINGS: &[&str] = &["config", "url", "credential", "client_id", "client_secret"];

/// The file looked for in the data directory.
const FILE: &str = "keyhaven.toml";

/// Where values come from. The environment and the flags are arguments, so a test can bring its own.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// `--config FILE`; without it `keyhaven.toml` in the data directory, which may be missing.
    pub file: Option<PathBuf>,
    /// All environment variables; those that begin with `KEYHAVEN_` count.
    pub environment: Vec<(String, String)>,
    /// Flags that were given, by key name.
    pub flags: BTreeMap<String, String>,
}

impl Sources {
    /// The file somebody named, as opposed to the one found in the data directory.
    fn named_file(&self) -> Option<PathBuf> {
        let of_environment = |(name, path): &(String, String)| {
            (name == "KEYHAVEN_CONFIG").then(|| PathBuf::from(path))
        };
        self.file.clone().or_else(|| self.environment.iter().find_map(of_environment))
    }
}

/// A loaded configuration and the origin of each of its values.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The parsed settings.
    pub config: Config,
    /// For each key of `Config::KEYS`, in order: the text (of a secret: nothing) and its origin.
    pub origins: Vec<Origin>,
}

/// Where one value came from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The key.
    pub key: &'static Key,
    /// The text; dots for a secret that is set.
    pub shown: String,
    /// The layer, as people say it: `default`, `file …`, `environment KEYHAVEN_X`, `flag --x`.
    pub from: String,
}

/// Why the configuration cannot be used, as one sentence for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(pub String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

/// The winning text of a key, ready to be parsed.
pub(super) struct Found {
    name: &'static str,
    text: Secret,
    from: String,
}

impl Found {
    /// Parses the text; the error names key and origin, never the text of a secret.
    pub(super) fn parse<T: Setting>(self) -> Result<T, ConfigError> {
        T::parse(self.text.reveal())
            .map_err(|why| ConfigError(format!("{} ({}): {why}", self.name, self.from)))
    }
}

impl Loaded {
    /// Reads every layer.
    ///
    /// # Errors
    /// When the file cannot be read, a key is unknown, or a value is not what its key expects.
    pub fn read(sources: &Sources) -> Result<Self, ConfigError> {
        let environment = environment(&sources.environment);
        let file = file(sources, &environment)?;
        let mut layers = Figment::new().merge(Layer::defaults());
        if let Some(path) = &file {
            layers = layers.merge(Toml::file_exact(path));
        }
        let layers = layers
            .merge(Layer { name: "environment", values: environment })
            .merge(Layer { name: "flag", values: sources.flags.clone() });
        refuse_unknown(&layers)?;
        let config = Config::parse(|name| find(&layers, name))?;
        let origins =
            Config::KEYS.iter().map(|key| origin(&layers, key)).collect::<Result<_, _>>()?;
        let loaded = Self { config, origins };
        loaded.refuse_moved_data(sources)?;
        Ok(loaded)
    }

    /// A file found *in* the data directory cannot say that the data is elsewhere.
    fn refuse_moved_data(&self, sources: &Sources) -> Result<(), ConfigError> {
        let moved =
            |origin: &&Origin| origin.key.name == "data" && origin.from.starts_with("file ");
        match self.origins.iter().find(moved) {
            Some(origin) if sources.named_file().is_none() => Err(ConfigError(format!(
                "data ({}): set it by --data or KEYHAVEN_DATA, or name the file by --config",
                origin.from
            ))),
            _ => Ok(()),
        }
    }
}

/// Text values of one source.
struct Layer {
    name: &'static str,
    values: BTreeMap<String, String>,
}

impl Layer {
    fn defaults() -> Self {
        let pairs = Config::KEYS.iter().map(|key| (key.name.to_owned(), key.default.to_owned()));
        Self { name: "default", values: pairs.collect() }
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let dict: Dict = self
            .values
            .iter()
            .map(|(key, text)| (key.clone(), Value::from(text.clone())))
            .collect();
        Ok(Profile::Default.collect(dict))
    }
}

fn environment(all: &[(String, String)]) -> BTreeMap<String, String> {
    all.iter()
        .filter_map(|(name, text)| {
            let key = name.strip_prefix("KEYHAVEN_")?.to_ascii_lowercase();
            (!NOT_SETTINGS.contains(&key.as_str())).then(|| (key, text.clone()))
        })
        .collect()
}

fn file(
    sources: &Sources,
    environment: &BTreeMap<String, String>,
) -> Result<Option<PathBuf>, ConfigError> {
    if let Some(path) = sources.named_file() {
        return if path.is_file() {
            Ok(Some(path))
        } else {
            Err(ConfigError(format!("{}: there is no such file", path.display())))
        };
    }
    let data = sources.flags.get("data").or_else(|| environment.get("data"));
    let default = Config::KEYS.iter().find(|key| key.name == "data").map_or("", |key| key.default);
    let path = Path::new(data.map_or(default, String::as_str)).join(FILE);
    Ok(path.is_file().then_some(path))
}

/// The key a name stands for: itself, or the secret that `NAME_file` points to.
fn key_of(name: &str) -> Option<&'static Key> {
    let is = |key: &&Key| {
        key.name == name || (key.secret && name.strip_suffix("_file") == Some(key.name))
    };
    Config::KEYS.iter().find(is)
}

fn refuse_unknown(layers: &Figment) -> Result<(), ConfigError> {
    let data = layers.data().map_err(|error| ConfigError(error.to_string()))?;
    let values = data.get(&Profile::Default).into_iter().flatten();
    for (name, value) in values {
        if key_of(name).is_none() {
            let hint =
                nearest(name).map_or(String::new(), |near| format!("; did you mean {near}?"));
            let from = from(layers, name, value);
            return Err(ConfigError(format!("{name} ({from}): there is no such setting{hint}")));
        }
    }
    Ok(())
}

fn nearest(name: &str) -> Option<&'static str> {
    let scored = Config::KEYS.iter().map(|key| (distance(name, key.name), key.name));
    scored.min().filter(|(far, near)| *far <= near.len().max(4) / 3 + 1).map(|(_, near)| near)
}

/// The Levenshtein distance.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let cost = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

fn from(layers: &Figment, name: &str, value: &Value) -> String {
    let Some(metadata) = layers.get_metadata(value.tag()) else { return "default".to_owned() };
    match (metadata.name.as_ref(), metadata.source.as_ref().and_then(|s| s.file_path())) {
        (_, Some(path)) => format!("file {}", path.display()),
        ("environment", _) => format!("environment KEYHAVEN_{}", name.to_ascii_uppercase()),
        ("flag", _) => format!("flag --{}", name.replace('_', "-")),
        (other, _) => other.to_owned(),
    }
}

/// The text of the last layer that has the key (or the file that holds it), and that layer.
fn find(layers: &Figment, name: &'static str) -> Result<Found, ConfigError> {
    let key =
        key_of(name).ok_or_else(|| ConfigError(format!("{name}: there is no such setting")))?;
    let value = layers.find_value(name).map_err(|error| ConfigError(error.to_string()))?;
    let direct_from = from(layers, name, &value);
    let text =
        text(key, &value).map_err(|why| ConfigError(format!("{name} ({direct_from}): {why}")))?;
    if !key.secret {
        return Ok(Found { name, text: Secret::new(text), from: direct_from });
    }
    let file_name = format!("{name}_file");
    if let Ok(path) = layers.find_value(&file_name) {
        let file_from = from(layers, &file_name, &path);
        if direct_from != "default" {
            let both =
                format!("{name} ({direct_from}) and {file_name} ({file_from}): set one of them");
            return Err(ConfigError(both));
        }
        let path = path.as_str().unwrap_or_default().to_owned();
        return from_file(name, &path, &file_from);
    }
    match text.strip_prefix(secret_file::PREFIX) {
        Some(path) => from_file(name, path, &direct_from),
        None => Ok(Found { name, text: Secret::new(text), from: direct_from }),
    }
}

fn from_file(name: &'static str, path: &str, from: &str) -> Result<Found, ConfigError> {
    let text = secret_file::read(Path::new(path))
        .map_err(|why| ConfigError(format!("{name} ({from}): {why}")))?;
    Ok(Found { name, text, from: format!("{from}, kept in {path}") })
}

/// A value as the text an operator would write.
fn text(key: &Key, value: &Value) -> Result<String, String> {
    match value {
        Value::String(_, text) => Ok(text.clone()),
        Value::Bool(_, flag) => Ok(flag.to_string()),
        Value::Num(_, _) => value
            .to_i128()
            .map(|number| number.to_string())
            .or_else(|| value.to_u128().map(|number| number.to_string()))
            .ok_or_else(|| "expected a whole number".to_owned()),
        Value::Array(_, items) => {
            let items = items.iter().map(|item| text(key, item));
            Ok((key.join)(&items.collect::<Result<Vec<_>, _>>()?))
        }
        _ => Err("expected a plain value".to_owned()),
    }
}

fn origin(layers: &Figment, key: &'static Key) -> Result<Origin, ConfigError> {
    let found = find(layers, key.name)?;
    let text = found.text.reveal();
    let shown =
        if key.secret && !text.is_empty() { "•••".to_owned() } else { text.to_owned() };
    Ok(Origin { key, shown, from: found.from })
}
