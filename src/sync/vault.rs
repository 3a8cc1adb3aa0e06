//! What one person's changes are kept in on disk: IndexedDB, each record encrypted with a key of that person's that the browser
//! keeps and never gives out. It knows nothing of what a record means. A browser may refuse all of it: then the caller keeps
//! things in memory and says so.
//!
//! Nothing in here waits for ever: a disk that doesn't answer within [`OPENS`] or [`ANSWERS`] counts as refusing. A connection that the
//! browser closes is opened again by whatever needs it next. What can't be read is reported, and stays where it is.
//!
//! Bare bindings: the crates for IndexedDB bring an async runtime along and panic on a storage that is not as they expect.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use js_sys::{Array, Object, Promise, Reflect, Uint8Array};
use thiserror::Error;
use uuid::Uuid;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AesGcmParams, AesKeyGenParams, CryptoKey, IdbDatabase, IdbFactory, IdbKeyRange, IdbObjectStore,
    IdbRequest, IdbTransaction, IdbTransactionMode, SubtleCrypto,
};

use crate::data::clock::within;

/// How long opening the database may take. Another tab that blocks it, or a browser that never answers, is no reason to wait longer.
const OPENS: Duration = Duration::from_secs(4);
/// How long one read or write may take.
const ANSWERS: Duration = Duration::from_secs(4);
const DATABASE: &str = "bedside.outbox";
/// One more whenever a store is added.
const STORES: u32 = 2;
const KEYS: &str = "keys";
/// Beside a person's key: what they are called on the sign-in page.
const NAME: &str = "name";
const CIPHER: &str = "AES-GCM";
/// What AES-GCM wants, and new for each encryption.
const NONCE: usize = 12;

/// The browser keeps nothing for us: storage is forbidden, full, or absent; or there is no cipher without https.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the browser refuses to keep data")]
pub struct Refused;

impl From<JsValue> for Refused {
    fn from(_: JsValue) -> Self {
        Self
    }
}

/// What lies together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shelf {
    /// What was saved and is not on the server yet.
    Saves,
    /// What was typed and not saved.
    Drafts,
}

impl Shelf {
    const ALL: [Self; 2] = [Self::Saves, Self::Drafts];

    const fn store(self) -> &'static str {
        match self {
            Self::Saves => "saves",
            Self::Drafts => "drafts",
        }
    }
}

/// What is on a shelf.
#[derive(Clone, Debug, Default)]
pub struct Records {
    /// Name and text of each.
    pub read: Vec<(String, Vec<u8>)>,
    /// Names of those that are there and can't be decrypted.
    pub unreadable: Vec<String>,
}

/// Whose saves wait on this device, and how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// What the person is called, if that was written down.
    pub name: Option<String>,
    pub saves: usize,
}

/// One person's records on disk.
pub struct Vault {
    disk: Disk,
    cipher: SubtleCrypto,
    key: CryptoKey,
    user: Uuid,
}

impl Vault {
    /// Opens it, with the person's own key; the first time, makes one. `name` is what the person is called once signed out.
    pub async fn open(user: Uuid, name: &str) -> Result<Self, Refused> {
        let disk = Disk::default();
        let cipher = cipher()?;
        let key = match disk.key_of(user).await? {
            Some(key) => key,
            None => {
                let made = make_key(&cipher).await?;
                // Another tab may have been quicker: then its key is the one.
                let added = disk.add_key(user, &made).await;
                match disk.key_of(user).await? {
                    Some(key) => key,
                    None => {
                        added?;
                        return Err(Refused);
                    }
                }
            }
        };
        if !name.is_empty() {
            // Without it the sign-in page says how many changes wait, and not whose.
            let _ = disk.put(KEYS, &name.into(), &named(user, NAME)).await;
        }
        Ok(Self {
            disk,
            cipher,
            key,
            user,
        })
    }

    /// Everything on a shelf.
    pub async fn all(&self, shelf: Shelf) -> Result<Records, Refused> {
        let (keys, values) = {
            let store = self
                .disk
                .store(shelf.store(), IdbTransactionMode::Readonly)
                .await?;
            let range = of_user(self.user)?;
            // In one transaction: they are in the same order.
            let keys = store.get_all_keys_with_key(&range)?;
            let values = store.get_all_with_key(&range)?;
            let (keys, values) = futures::join!(list(&keys), list(&values));
            (keys?, values?)
        };
        let first = self.user.to_string().len().saturating_add(1);
        let mut records = Records::default();
        for (key, value) in keys.iter().zip(values.iter()) {
            let name = key.as_string().unwrap_or_default();
            let name = name.get(first..).unwrap_or_default().to_owned();
            match self.decrypted(&value).await {
                Ok(text) => records.read.push((name, text)),
                Err(Refused) => records.unreadable.push(name),
            }
        }
        Ok(records)
    }

    /// What is kept under a name; `None` if nothing is.
    ///
    /// # Errors
    /// Also when something is there and can't be read.
    pub async fn one(&self, shelf: Shelf, name: &str) -> Result<Option<Vec<u8>>, Refused> {
        let mode = IdbTransactionMode::Readonly;
        let request = {
            let store = self.disk.store(shelf.store(), mode).await?;
            store.get(&named(self.user, name))?
        };
        let record = answer(&request).await?;
        if record.is_undefined() {
            return Ok(None);
        }
        self.decrypted(&record).await.map(Some)
    }

    /// Writes a record, in the place of its previous state.
    pub async fn keep(&self, shelf: Shelf, name: &str, text: &[u8]) -> Result<(), Refused> {
        let record = self.encrypted(text).await?;
        self.disk
            .put(shelf.store(), &record, &named(self.user, name))
            .await
    }

    /// Takes a record off the disk.
    pub async fn forget(&self, shelf: Shelf, name: &str) -> Result<(), Refused> {
        let mode = IdbTransactionMode::Readwrite;
        let transaction = {
            let store = self.disk.store(shelf.store(), mode).await?;
            store.delete(&named(self.user, name))?;
            store.transaction()
        };
        completion(&transaction).await
    }

    async fn encrypted(&self, text: &[u8]) -> Result<JsValue, Refused> {
        let mut nonce = [0_u8; NONCE];
        for (place, byte) in nonce.iter_mut().zip(
            Uuid::new_v4()
                .as_bytes()
                .iter()
                .chain(Uuid::new_v4().as_bytes()),
        ) {
            *place = *byte;
        }
        let nonce = Uint8Array::from(nonce.as_slice());
        let params = AesGcmParams::new(CIPHER, &nonce);
        let promise = self.cipher.encrypt_with_object_and_js_u8_array(
            &params,
            &self.key,
            &Uint8Array::from(text),
        )?;
        let sealed = JsFuture::from(promise).await?;
        let record = Object::new();
        Reflect::set(&record, &"nonce".into(), &nonce)?;
        Reflect::set(&record, &"sealed".into(), &sealed)?;
        Ok(record.into())
    }

    async fn decrypted(&self, record: &JsValue) -> Result<Vec<u8>, Refused> {
        let nonce: Uint8Array = Reflect::get(record, &"nonce".into())?
            .dyn_into()
            .map_err(Refused::from)?;
        let sealed = Uint8Array::new(&Reflect::get(record, &"sealed".into())?);
        let params = AesGcmParams::new(CIPHER, &nonce);
        let promise = self
            .cipher
            .decrypt_with_object_and_js_u8_array(&params, &self.key, &sealed)?;
        Ok(Uint8Array::new(&JsFuture::from(promise).await?).to_vec())
    }
}

/// Deletes one user's entries and key, and no other user's.
pub async fn wipe(user: Uuid) -> Result<(), Refused> {
    let disk = Disk::default();
    for name in Shelf::ALL.map(Shelf::store).into_iter().chain([KEYS]) {
        let transaction = {
            let store = disk.store(name, IdbTransactionMode::Readwrite).await?;
            store.delete(&of_user(user)?)?;
            store.transaction()
        };
        completion(&transaction).await?;
    }
    Ok(())
}

/// How much of one person's lies on a shelf, readable or not.
pub async fn count(user: Uuid, shelf: Shelf) -> Result<usize, Refused> {
    let disk = Disk::default();
    let request = {
        let mode = IdbTransactionMode::Readonly;
        let store = disk.store(shelf.store(), mode).await?;
        store.get_all_keys_with_key(&of_user(user)?)?
    };
    Ok(usize::try_from(list(&request).await?.length()).unwrap_or(usize::MAX))
}

/// Users with saves waiting on this device. Needs no key.
pub async fn pending() -> Result<Vec<Pending>, Refused> {
    let disk = Disk::default();
    let mode = IdbTransactionMode::Readonly;
    let request = {
        let store = disk.store(Shelf::Saves.store(), mode).await?;
        store.get_all_keys()?
    };
    let mut saves = BTreeMap::<String, usize>::new();
    for key in list(&request).await?.iter() {
        let key = key.as_string().unwrap_or_default();
        if let Some((user, _)) = key.split_once('/') {
            let count = saves.entry(user.to_owned()).or_default();
            *count = count.saturating_add(1);
        }
    }
    let mut pending = Vec::new();
    for (user, saves) in saves {
        let Ok(user) = Uuid::parse_str(&user) else {
            continue;
        };
        // Without a key they can never be sent.
        if disk.key_of(user).await?.is_some() {
            let name = disk.get(KEYS, &named(user, NAME)).await?.as_string();
            pending.push(Pending { name, saves });
        }
    }
    Ok(pending)
}

/// The database, opened when it is needed and again after the browser has closed it. Clones share the connection.
#[derive(Clone, Default)]
struct Disk(Rc<RefCell<Option<IdbDatabase>>>);

impl Disk {
    /// A store in a transaction of its own, which ends as soon as its requests are done: ask at once.
    async fn store(&self, name: &str, mode: IdbTransactionMode) -> Result<IdbObjectStore, Refused> {
        let open = self.0.borrow().clone();
        if let Some(open) = open {
            if let Ok(store) = store(&open, name, mode) {
                return Ok(store);
            }
            // Closed, by the browser or for a newer version of the app.
            open.close();
        }
        let opened = open_database().await?;
        let closed = Rc::downgrade(&self.0);
        let on_close = Closure::once_into_js(move |_: JsValue| {
            if let Some(open) = closed.upgrade() {
                open.replace(None);
            }
        });
        opened.set_onclose(Some(on_close.unchecked_ref()));
        let store = store(&opened, name, mode);
        if let Some(old) = self.0.replace(Some(opened)) {
            old.close();
        }
        store
    }

    async fn get(&self, name: &str, key: &JsValue) -> Result<JsValue, Refused> {
        let request = {
            let store = self.store(name, IdbTransactionMode::Readonly).await?;
            store.get(key)?
        };
        answer(&request).await
    }

    async fn put(&self, name: &str, value: &JsValue, key: &JsValue) -> Result<(), Refused> {
        let transaction = {
            let store = self.store(name, IdbTransactionMode::Readwrite).await?;
            store.put_with_key(value, key)?;
            store.transaction()
        };
        completion(&transaction).await
    }

    async fn key_of(&self, user: Uuid) -> Result<Option<CryptoKey>, Refused> {
        Ok(self.get(KEYS, &bounds(user).0).await?.dyn_into().ok())
    }

    async fn add_key(&self, user: Uuid, key: &CryptoKey) -> Result<(), Refused> {
        let transaction = {
            let store = self.store(KEYS, IdbTransactionMode::Readwrite).await?;
            store.add_with_key(key, &bounds(user).0)?;
            store.transaction()
        };
        completion(&transaction).await
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if Rc::strong_count(&self.0) == 1
            && let Some(open) = self.0.borrow().as_ref()
        {
            open.close();
        }
    }
}

/// Opens the database, made the first time.
async fn open_database() -> Result<IdbDatabase, Refused> {
    let window = web_sys::window().ok_or(Refused)?;
    // By name: where storage is forbidden, even asking for it throws.
    let factory: IdbFactory = Reflect::get(&window, &"indexedDB".into())?
        .dyn_into()
        .map_err(Refused::from)?;
    let request = factory.open_with_u32(DATABASE, STORES)?;
    let made = request.clone();
    let upgrade = Closure::once_into_js(move |_: JsValue| {
        if let Ok(database) = made.result().map(JsCast::unchecked_into::<IdbDatabase>) {
            // Fails only for one that is there already.
            for name in Shelf::ALL.map(Shelf::store).into_iter().chain([KEYS]) {
                let _ = database.create_object_store(name);
            }
        }
    });
    request.set_onupgradeneeded(Some(upgrade.unchecked_ref()));
    let Some(opened) = within(OPENS, settled(&request)).await else {
        // One that opens later is of no use and would be in the way of others.
        let late = request.clone();
        let close = Closure::once_into_js(move |_: JsValue| {
            if let Ok(database) = late.result().map(JsCast::unchecked_into::<IdbDatabase>) {
                database.close();
            }
        });
        request.set_onsuccess(Some(close.unchecked_ref()));
        return Err(Refused);
    };
    let database: IdbDatabase = opened?.dyn_into().map_err(Refused::from)?;
    // A tab with a newer app must not wait for this one.
    let give_way = Closure::once_into_js(|event: web_sys::Event| {
        let asked = event.target().and_then(|asked| asked.dyn_into().ok());
        if let Some(database) = asked {
            IdbDatabase::close(&database);
        }
    });
    database.set_onversionchange(Some(give_way.unchecked_ref()));
    Ok(database)
}

fn cipher() -> Result<SubtleCrypto, Refused> {
    let crypto = web_sys::window().ok_or(Refused)?.crypto()?;
    // Absent on a page without https.
    Reflect::get(&crypto, &"subtle".into())?
        .dyn_into()
        .map_err(Refused::from)
}

async fn make_key(cipher: &SubtleCrypto) -> Result<CryptoKey, Refused> {
    let params = AesKeyGenParams::new(CIPHER, 256);
    let uses = Array::of2(&"encrypt".into(), &"decrypt".into());
    let promise = cipher.generate_key_with_object(&params, false, &uses)?;
    JsFuture::from(promise)
        .await?
        .dyn_into()
        .map_err(Refused::from)
}

fn store(
    database: &IdbDatabase,
    name: &str,
    mode: IdbTransactionMode,
) -> Result<IdbObjectStore, Refused> {
    let transaction = database.transaction_with_str_and_mode(name, mode)?;
    Ok(transaction.object_store(name)?)
}

/// The first name that can be this person's, and the first that no longer can.
fn bounds(user: Uuid) -> (JsValue, JsValue) {
    (format!("{user}/").into(), format!("{user}0").into())
}

fn named(user: Uuid, name: &str) -> JsValue {
    format!("{user}/{name}").into()
}

/// All that is one person's.
fn of_user(user: Uuid) -> Result<JsValue, Refused> {
    let (first, end) = bounds(user);
    let range = IdbKeyRange::bound_with_lower_open_and_upper_open(&first, &end, false, true)?;
    Ok(range.into())
}

async fn list(request: &IdbRequest) -> Result<Array, Refused> {
    answer(request).await?.dyn_into().map_err(Refused::from)
}

async fn answer(request: &IdbRequest) -> Result<JsValue, Refused> {
    within(ANSWERS, settled(request))
        .await
        .unwrap_or(Err(Refused))
}

async fn settled(request: &IdbRequest) -> Result<JsValue, Refused> {
    let told = Promise::new(&mut |resolve, reject| {
        request.set_onsuccess(Some(&resolve));
        request.set_onerror(Some(&reject));
    });
    JsFuture::from(told).await?;
    Ok(request.result()?)
}

/// A write counts once its transaction is complete: a full disk is noticed only then.
async fn completion(transaction: &IdbTransaction) -> Result<(), Refused> {
    let told = Promise::new(&mut |resolve, reject| {
        transaction.set_oncomplete(Some(&resolve));
        transaction.set_onabort(Some(&reject));
        transaction.set_onerror(Some(&reject));
    });
    match within(ANSWERS, JsFuture::from(told)).await {
        Some(done) => Ok(done.map(drop)?),
        None => Err(Refused),
    }
}
