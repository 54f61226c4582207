//! Values to and from PostgreSQL's binary form. Types are checked before anything is sent, so that
//! a wrong one fails its own commit and no other.

use std::fmt;

use bytes::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use super::failure::Failure;
use crate::engine::{Row, Statement, Value};

type Unfit = Box<dyn std::error::Error + Sync + Send>;

/// One parameter. The driver logs parameters with `Debug`; this one stays silent.
pub(super) struct Param<'a>(pub(super) &'a Value);

impl fmt::Debug for Param<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl ToSql for Param<'_> {
    fn to_sql(&self, wanted: &Type, out: &mut BytesMut) -> Result<IsNull, Unfit> {
        match self.0 {
            Value::Null => Ok(IsNull::Yes),
            Value::Int(number) if *wanted == Type::INT4 => {
                i32::try_from(*number)?.to_sql(wanted, out)
            }
            Value::Int(number) => number.to_sql(wanted, out),
            Value::Text(text) => text.to_sql(wanted, out),
            Value::Bytes(bytes) => bytes.as_slice().to_sql(wanted, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// One column of many rows, as an array parameter.
pub(super) enum Column<'a> {
    Ints(Vec<Option<i64>>),
    Texts(Vec<Option<&'a str>>),
    Bytes(Vec<Option<&'a [u8]>>),
}

impl<'a> Column<'a> {
    /// Gathers parameter `at` of every row; the values have been checked against `wanted`.
    pub(super) fn gather(wanted: &Type, at: usize, rows: &[&'a [Value]]) -> Self {
        let cells = rows.iter().map(|row| row.get(at));
        if *wanted == Type::BYTEA {
            return Self::Bytes(
                cells
                    .map(|cell| match cell {
                        Some(Value::Bytes(bytes)) => Some(bytes.as_slice()),
                        _ => None,
                    })
                    .collect(),
            );
        }
        if *wanted == Type::INT8 {
            return Self::Ints(
                cells
                    .map(|cell| match cell {
                        Some(Value::Int(number)) => Some(*number),
                        _ => None,
                    })
                    .collect(),
            );
        }
        Self::Texts(
            cells
                .map(|cell| match cell {
                    Some(Value::Text(text)) => Some(text.as_str()),
                    _ => None,
                })
                .collect(),
        )
    }
}

impl fmt::Debug for Column<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl ToSql for Column<'_> {
    fn to_sql(&self, wanted: &Type, out: &mut BytesMut) -> Result<IsNull, Unfit> {
        match self {
            Self::Ints(cells) => cells.to_sql(wanted, out),
            Self::Texts(cells) => cells.to_sql(wanted, out),
            Self::Bytes(cells) => cells.to_sql(wanted, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// Whether every value fits the parameter it is meant for.
pub(super) fn check(
    statement: &'static Statement,
    wanted: &[Type],
    values: &[Value],
) -> Result<(), Failure> {
    let name = statement.name;
    if wanted.len() != values.len() {
        let message = format!("{name}: {} values for {} parameters", values.len(), wanted.len());
        return Err(Failure::broken(message));
    }
    let fits = |(value, wanted): (&Value, &Type)| match value {
        Value::Null => true,
        Value::Int(number) => {
            *wanted == Type::INT8 || *wanted == Type::INT4 && i32::try_from(*number).is_ok()
        }
        Value::Text(_) => [Type::TEXT, Type::VARCHAR].contains(wanted),
        Value::Bytes(_) => *wanted == Type::BYTEA,
    };
    match values.iter().zip(wanted).position(|pair| !fits(pair)) {
        None => Ok(()),
        Some(at) => {
            Err(Failure::broken(format!("{name}: ${} does not fit {}", at + 1, wanted[at])))
        }
    }
}

/// A row as its room expects it.
pub(super) fn row(
    statement: &'static Statement,
    row: &tokio_postgres::Row,
) -> Result<Row, Failure> {
    let values =
        row.columns().iter().enumerate().map(|(at, column)| value(row, at, column.type_()));
    let values = values
        .collect::<Result<_, _>>()
        .map_err(|unfit| Failure::broken(format!("{}: {unfit}", statement.name)))?;
    Ok(Row::new(statement.name, values))
}

fn value(row: &tokio_postgres::Row, at: usize, column: &Type) -> Result<Value, Unfit> {
    Ok(match *column {
        Type::INT8 => row.try_get::<_, Option<i64>>(at)?.into(),
        Type::INT4 => row.try_get::<_, Option<i32>>(at)?.map(i64::from).into(),
        // `EXISTS` is a number in SQLite.
        Type::BOOL => row.try_get::<_, Option<bool>>(at)?.map(i64::from).into(),
        Type::BYTEA => row.try_get::<_, Option<&[u8]>>(at)?.into(),
        Type::TEXT | Type::VARCHAR => row.try_get::<_, Option<&str>>(at)?.into(),
        ref other => return Err(format!("column {at} is {other}: cast it").into()),
    })
}
