//! What a type must be able to do to be a row.

use serde_json::{Map, Value};

use crate::deps::Columns;
use crate::key::Segment;

/// Why a row cannot be made from what a change says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// A column is missing. The query is fetched instead.
    #[error("the column {0} is missing")]
    MissingColumn(String),
    /// A column has a value that the row cannot hold. The query is fetched instead.
    #[error("the columns don't make a row: {0}")]
    Unreadable(String),
}

/// A row of a table, as queries hold it.
///
/// ```
/// use bedside_query::{query_key, Columns, QueryClient, QueryOptions, Row, RowChange, RowError, Rows, Segment, TableDep};
/// use serde_json::{Map, Value, json};
///
/// #[derive(Clone, PartialEq, serde::Deserialize, serde::Serialize)]
/// struct Ward { id: u32, name: String }
///
/// impl Columns for Ward {
///     fn column(&self, name: &str) -> Option<Segment> {
///         match name {
///             "id" => Some(self.id.into()),
///             "name" => Some((&self.name).into()),
///             _ => None,
///         }
///     }
/// }
///
/// impl Row for Ward {
///     fn pk(&self) -> Segment { self.id.into() }
///     fn from_columns(columns: &Map<String, Value>) -> Result<Self, RowError> {
///         serde_json::from_value(Value::Object(columns.clone())).map_err(|error| RowError::Unreadable(error.to_string()))
///     }
///     fn merge(&self, columns: &Map<String, Value>) -> Result<Self, RowError> {
///         let mut merged = self.clone();
///         if let Some(name) = columns.get("name").and_then(Value::as_str) { merged.name = name.to_string(); }
///         Ok(merged)
///     }
/// }
///
/// // A change of a row patches the list that shows it; nothing is fetched.
/// let client = QueryClient::default();
/// let wards = QueryOptions::<Rows<Ward>, String>::without_fetcher(query_key!["wards"])
///     .initial_data([Ward { id: 7, name: "Surgery".to_owned() }].into_iter().collect())
///     .rows(TableDep::rows("wards"));
/// let shown = client.observe(wards, |_| {});
/// client.apply([RowChange::update("wards", 7, json!({"id": 7, "name": "Oncology"}))]);
/// let name = shown.now().data.and_then(|wards| wards.at(0).map(|ward| ward.name.clone()));
/// assert_eq!(name.as_deref(), Some("Oncology"));
/// ```
pub trait Row: Columns + Clone + PartialEq + Send + Sync + 'static {
    /// The primary key, unique in the table. A key of several columns is a list.
    fn pk(&self) -> Segment;

    /// A row of these columns.
    ///
    /// # Errors
    /// [`RowError`] if they don't make one; the query is then fetched.
    fn from_columns(columns: &Map<String, Value>) -> Result<Self, RowError>;

    /// This row with these columns changed; those that are left out stay.
    ///
    /// # Errors
    /// [`RowError`] if they don't make a row; the query is then fetched.
    fn merge(&self, columns: &Map<String, Value>) -> Result<Self, RowError>;
}
