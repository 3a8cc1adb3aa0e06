//! One request to PostgREST as a value: method, path, query, preferences, range and body. Building it is pure; [`super::Rest`] adds
//! the token and sends it, and sends the same value again after a token renewal.

use gloo_net::http::{Request as HttpRequest, Response};
use js_sys::{Function, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{AbortSignal, Headers, RequestInit};

use super::DataError;
use super::auth::bearer;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Get,
    Post,
    Patch,
    Delete,
}

/// A request that has not been sent.
#[must_use = "a request does nothing until it is sent"]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    method: Method,
    path: String,
    query: Vec<(String, String)>,
    /// The parts of the header `Prefer`.
    prefer: Vec<&'static str>,
    /// The first and the last row that is asked for, from zero.
    range: Option<(usize, usize)>,
    body: Option<String>,
}

impl Request {
    /// Reads a table, until [`insert`](Self::insert), [`update`](Self::update) or [`delete`](Self::delete) says otherwise.
    ///
    /// ```
    /// use bedside::data::request::Request;
    /// let request = Request::table("patients")
    ///     .select("id,mrn")
    ///     .eq("ward", "Surgery & ICU")
    ///     .order("updated_at.desc,id.asc");
    /// assert_eq!(
    ///     request.url("https://x.test/rest/v1"),
    ///     "https://x.test/rest/v1/patients?select=id,mrn&ward=eq.Surgery%20%26%20ICU&order=updated_at.desc,id.asc",
    /// );
    /// ```
    pub fn table(name: &str) -> Self {
        Self::new(Method::Get, percent_encoded(name))
    }

    /// Calls a function of the database with its arguments as a JSON object.
    pub fn function(name: &str, arguments: String) -> Self {
        Self {
            body: Some(arguments),
            ..Self::new(Method::Post, format!("rpc/{}", percent_encoded(name)))
        }
    }

    fn new(method: Method, path: String) -> Self {
        Self {
            method,
            path,
            query: Vec::new(),
            prefer: Vec::new(),
            range: None,
            body: None,
        }
    }

    /// Which columns come back.
    pub fn select(self, columns: &str) -> Self {
        self.with("select", columns.to_owned())
    }

    /// Rows whose column equals a value.
    pub fn eq(self, column: &str, value: impl AsRef<str>) -> Self {
        self.filter(column, "eq", value.as_ref())
    }

    /// Rows whose column is not null and differs from a value.
    pub fn neq(self, column: &str, value: impl AsRef<str>) -> Self {
        self.filter(column, "neq", value.as_ref())
    }

    /// Rows whose column matches a pattern, in which `*` matches any text.
    pub fn like(self, column: &str, pattern: impl AsRef<str>) -> Self {
        self.filter(column, "like", pattern.as_ref())
    }

    /// Rows whose column is `null`, `true` or `false`.
    pub fn is(self, column: &str, value: &str) -> Self {
        self.filter(column, "is", value)
    }

    /// Rows whose column has one of these values.
    pub fn in_<T: AsRef<str>>(self, column: &str, values: impl IntoIterator<Item = T>) -> Self {
        let values: Vec<String> = values.into_iter().map(|v| quoted(v.as_ref())).collect();
        self.filter(column, "in", &format!("({})", values.join(",")))
    }

    /// Rows that meet at least one of these conditions, in PostgREST's own syntax, separated by commas.
    pub fn or(self, conditions: impl AsRef<str>) -> Self {
        self.with("or", format!("({})", conditions.as_ref()))
    }

    /// In which order rows come back, in PostgREST's own syntax.
    pub fn order(self, columns: impl Into<String>) -> Self {
        self.with("order", columns.into())
    }

    /// Only the rows from `first` to `last`, counted from zero.
    pub fn range(mut self, first: usize, last: usize) -> Self {
        self.range = Some((first, last));
        self
    }

    /// Stores the rows of a JSON object or array, and reads them back.
    pub fn insert(self, body: String) -> Self {
        self.write(Method::Post, Some(body))
    }

    /// Changes columns of the rows that the filters name, and reads them back.
    pub fn update(self, body: String) -> Self {
        self.write(Method::Patch, Some(body))
    }

    /// Deletes the rows that the filters name, and reads them back.
    pub fn delete(self) -> Self {
        self.write(Method::Delete, None)
    }

    /// Offset of the first requested row, from zero.
    pub(super) fn first_row(&self) -> usize {
        self.range.map_or(0, |(first, _)| first)
    }

    /// Has the server say how many rows there are in all.
    pub fn counted(self) -> Self {
        self.prefer("count=exact")
    }

    fn write(mut self, method: Method, body: Option<String>) -> Self {
        self.method = method;
        self.body = body;
        self.prefer("return=representation")
    }

    /// Adds to the header `Prefer`.
    fn prefer(mut self, part: &'static str) -> Self {
        if !self.prefer.contains(&part) {
            self.prefer.push(part);
        }
        self
    }

    fn filter(self, column: &str, operator: &str, value: &str) -> Self {
        self.with(column, format!("{operator}.{value}"))
    }

    fn with(mut self, name: &str, value: String) -> Self {
        self.query.push((name.to_owned(), value));
        self
    }

    /// The whole address, below `base`.
    pub fn url(&self, base: &str) -> String {
        let mut url = format!("{base}/{}", self.path);
        for (index, (name, value)) in self.query.iter().enumerate() {
            url.push(if index == 0 { '?' } else { '&' });
            encode(&mut url, name, is_plain_in_query);
            url.push('=');
            encode(&mut url, value, is_plain_in_query);
        }
        url
    }

    /// The headers, all of which a header can carry.
    ///
    /// # Errors
    /// [`DataError::SignedOut`] for a token that no header can carry: it can't be anybody's.
    fn headers(&self, key: &str, token: &str) -> Result<Vec<(&'static str, String)>, DataError> {
        let carried = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        if !carried(token) || !carried(key) {
            return Err(DataError::SignedOut);
        }
        let mut headers = vec![
            ("Accept", "application/json".to_owned()),
            ("apikey", key.to_owned()),
            ("Authorization", bearer(token)),
        ];
        if self.body.is_some() {
            headers.push(("Content-Type", "application/json".to_owned()));
        }
        if let Some((first, last)) = self.range {
            headers.push(("Range-Unit", "items".to_owned()));
            headers.push(("Range", format!("{first}-{last}")));
        }
        if !self.prefer.is_empty() {
            headers.push(("Prefer", self.prefer.join(",")));
        }
        Ok(headers)
    }

    /// Sends it. Dropping the future aborts the request, as long as the returned [`Abort`] is not kept.
    pub(super) async fn send(
        &self,
        base: &str,
        key: &str,
        token: &str,
    ) -> Result<(Response, Abort), DataError> {
        let headers = self.headers(key, token)?;
        let abort = Abort::new();
        // Only an address that is none: the configuration is checked, so this can't be the person's doing.
        let request = self
            .built(&self.url(base), &headers, &abort)
            .map_err(|_| DataError::Unreadable)?;
        let response = HttpRequest::from(request).send().await;
        Ok((response.map_err(|_| DataError::Offline)?, abort))
    }

    /// Not by gloo-net's builder, which adds a `&` to an address that has a query.
    fn built(
        &self,
        url: &str,
        headers: &[(&'static str, String)],
        abort: &Abort,
    ) -> Result<web_sys::Request, JsValue> {
        let sent = Headers::new()?;
        for (name, value) in headers {
            sent.append(name, value)?;
        }
        let options = RequestInit::new();
        options.set_method(match self.method {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        });
        options.set_headers(&sent);
        options.set_signal(abort.signal().as_ref());
        if let Some(body) = &self.body {
            options.set_body(&body.into());
        }
        web_sys::Request::new_with_str_and_init(url, &options)
    }
}

/// The browser's abort controller, by name since the typed one needs nothing but these two calls. Aborts when dropped, which does
/// nothing once the body has been read.
pub(super) struct Abort(Option<JsValue>);

impl Abort {
    fn new() -> Self {
        let controller = Reflect::get(&js_sys::global(), &"AbortController".into())
            .ok()
            .and_then(|class| class.dyn_into::<Function>().ok())
            .and_then(|class| Reflect::construct(&class, &js_sys::Array::new()).ok());
        Self(controller)
    }

    fn signal(&self) -> Option<AbortSignal> {
        let signal = Reflect::get(self.0.as_ref()?, &"signal".into()).ok()?;
        signal.dyn_into().ok()
    }
}

impl Drop for Abort {
    fn drop(&mut self) {
        let Some(controller) = &self.0 else { return };
        let abort = Reflect::get(controller.unchecked_ref::<Object>(), &"abort".into());
        if let Some(abort) = abort
            .ok()
            .and_then(|abort| abort.dyn_into::<Function>().ok())
        {
            // Aborting does not throw.
            let _ = abort.call0(controller);
        }
    }
}

/// A value in a list, in quotes where PostgREST would read a part of it as its own syntax.
fn quoted(value: &str) -> String {
    if !value.is_empty() && !value.contains([',', '.', ':', '(', ')', '"', '\\', ' ']) {
        return value.to_owned();
    }
    let mut text = String::from("\"");
    for letter in value.chars() {
        if matches!(letter, '"' | '\\') {
            text.push('\\');
        }
        text.push(letter);
    }
    text.push('"');
    text
}

/// A text as one part of a path or a query.
pub fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    encode(&mut encoded, text, is_unreserved);
    encoded
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte)
}

/// PostgREST's own syntax stays readable in a query.
fn is_plain_in_query(byte: u8) -> bool {
    is_unreserved(byte) || b"*(),:!".contains(&byte)
}

fn encode(into: &mut String, text: &str, is_plain: fn(u8) -> bool) {
    for byte in text.bytes() {
        if is_plain(byte) {
            into.push(char::from(byte));
        } else {
            into.push_str(&format!("%{byte:02X}"));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const BASE: &str = "http://127.0.0.1:1/rest/v1";

    fn path_of(request: &Request) -> String {
        request.url(BASE).replace(BASE, "")
    }

    fn header(request: &Request, name: &str) -> Option<String> {
        let headers = request.headers("sb_publishable_x", "a.b.c").unwrap();
        let mut found = headers.into_iter().filter(|(key, _)| *key == name);
        let value = found.next().map(|(_, value)| value);
        assert_eq!(found.next(), None, "{name} is sent once");
        value
    }

    #[test]
    fn every_filter_becomes_a_pair_of_the_query() {
        let request = Request::table("form_submissions")
            .select("*,patient:patients!inner(id,mrn)")
            .eq("patient_id", "7")
            .neq("status", "draft")
            .like("patient.search_text", "*okafor*")
            .is("submitted_by", "null")
            .in_("status", ["draft", "returned"])
            .or("submitted_by.is.null,submitted_by.neq.7")
            .order("updated_at.desc,id.asc");
        assert_eq!(
            path_of(&request),
            "/form_submissions?select=*,patient:patients!inner(id,mrn)&patient_id=eq.7&status=neq.draft\
             &patient.search_text=like.*okafor*&submitted_by=is.null&status=in.(draft,returned)\
             &or=(submitted_by.is.null,submitted_by.neq.7)&order=updated_at.desc,id.asc"
        );
        assert_eq!(path_of(&Request::table("patients")), "/patients");
    }

    #[test]
    fn a_value_can_hold_any_text() {
        let value = "a&b=c +#?%/\u{fc}\u{1f600}\n";
        let request = Request::table("patients").eq("ward", value);
        assert_eq!(
            path_of(&request),
            "/patients?ward=eq.a%26b%3Dc%20%2B%23%3F%25%2F%C3%BC%F0%9F%98%80%0A"
        );
        assert_eq!(percent_encoded("a/../b"), "a%2F..%2Fb");
    }

    #[test]
    fn a_value_in_a_list_is_quoted_where_it_would_end_the_list() {
        let request = Request::table("t").in_("ward", ["A", "B, (C)", r#"say "hi""#, ""]);
        assert_eq!(
            path_of(&request),
            "/t?ward=in.(A,%22B,%20(C)%22,%22say%20%5C%22hi%5C%22%22,%22%22)"
        );
    }

    #[test]
    fn preferences_are_added_and_not_replaced() {
        let request = Request::table("t").update("{}".to_owned()).counted();
        assert_eq!(
            header(&request, "Prefer").as_deref(),
            Some("return=representation,count=exact")
        );
        assert_eq!(
            header(&request.clone().counted(), "Prefer"),
            header(&request, "Prefer")
        );
        assert_eq!(header(&Request::table("t"), "Prefer"), None);
    }

    #[test]
    fn a_range_is_a_header_and_a_body_says_what_it_is() {
        let read = Request::table("t").range(50, 99);
        assert_eq!(header(&read, "Range").as_deref(), Some("50-99"));
        assert_eq!(header(&read, "Content-Type"), None);
        let call = Request::function("overview", "{}".to_owned());
        assert_eq!(path_of(&call), "/rpc/overview");
        assert_eq!(call.method, Method::Post);
        assert_eq!(
            header(&call, "Content-Type").as_deref(),
            Some("application/json")
        );
    }

    #[test]
    fn each_write_has_its_method() {
        let table = || Request::table("t").eq("id", "7");
        assert_eq!(table().insert("{}".to_owned()).method, Method::Post);
        assert_eq!(table().update("{}".to_owned()).method, Method::Patch);
        let deleted = table().delete();
        assert_eq!((deleted.method, deleted.body), (Method::Delete, None));
    }

    #[test]
    fn the_key_is_sent_as_apikey_and_the_token_as_bearer() {
        let request = Request::table("t");
        assert_eq!(
            header(&request, "apikey").as_deref(),
            Some("sb_publishable_x")
        );
        assert_eq!(
            header(&request, "Authorization").as_deref(),
            Some("Bearer a.b.c")
        );
    }

    #[test]
    fn a_token_that_no_header_can_carry_is_refused() {
        for token in ["", "a\nb", "a b", "\u{fc}", "a\u{0}"] {
            let headers = Request::table("t").headers("key", token);
            assert_eq!(headers, Err(DataError::SignedOut), "{token:?}");
        }
    }
}
