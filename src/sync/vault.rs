//! What one person's changes are kept in on disk: IndexedDB, each record encrypted with a key of that person's that the browser
//! keeps and never gives out. It knows nothing of what a record means. A browser may refuse all of it: then the caller keeps
//! things in memory and says so.
//!
//! Bare bindings: the crates for IndexedDB bring an async runtime along and panic on a storage that is not as they expect.

use js_sys::{Array, Object, Promise, Reflect, Uint8Array};
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use uuid::Uuid;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AesGcmParams, AesKeyGenParams, CryptoKey, IdbDatabase, IdbFactory, IdbKeyRange, IdbObjectStore,
    IdbRequest, IdbTransaction, IdbTransactionMode, SubtleCrypto,
};

const DATABASE: &str = "bedside.outbox";
/// One more whenever a store is added.
const STORES: u32 = 2;
const KEYS: &str = "keys";
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

/// One person's records on disk.
pub struct Vault {
    database: IdbDatabase,
    cipher: SubtleCrypto,
    key: CryptoKey,
    user: Uuid,
}

impl Vault {
    /// Opens it, with the person's own key; the first time, makes one.
    pub async fn open(user: Uuid) -> Result<Self, Refused> {
        let database = open().await?;
        let cipher = cipher()?;
        let key = match held_key(&database, user).await? {
            Some(key) => key,
            None => {
                let made = make_key(&cipher).await?;
                // Another tab may have been quicker: then its key is the one.
                let added = add_key(&database, user, &made).await;
                match held_key(&database, user).await? {
                    Some(key) => key,
                    None => {
                        added?;
                        return Err(Refused);
                    }
                }
            }
        };
        Ok(Self {
            database,
            cipher,
            key,
            user,
        })
    }

    /// Everything on a shelf. What can't be read (another key, another time) is as good as lost and left alone.
    pub async fn all<T: DeserializeOwned>(&self, shelf: Shelf) -> Result<Vec<T>, Refused> {
        let store = store(&self.database, shelf.store(), IdbTransactionMode::Readonly)?;
        let request = store.get_all_with_key(&of_user(self.user)?.into())?;
        let records: Array = answer(&request).await?.dyn_into().map_err(Refused::from)?;
        let mut found = Vec::new();
        for record in records.iter() {
            if let Ok(text) = self.decrypted(&record).await
                && let Ok(read) = serde_json::from_slice(&text)
            {
                found.push(read);
            }
        }
        Ok(found)
    }

    /// What is kept under a name, if it can be read.
    pub async fn one<T: DeserializeOwned>(&self, shelf: Shelf, name: &str) -> Option<T> {
        let mode = IdbTransactionMode::Readonly;
        let store = store(&self.database, shelf.store(), mode).ok()?;
        let request = store.get(&self.named(name)).ok()?;
        let record = answer(&request).await.ok()?;
        let text = self.decrypted(&record).await.ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Writes a record, in the place of its former state.
    pub async fn keep(
        &self,
        shelf: Shelf,
        name: &str,
        value: &impl Serialize,
    ) -> Result<(), Refused> {
        let text = serde_json::to_vec(value).map_err(|_| Refused)?;
        self.write(shelf, name, &text).await
    }

    async fn write(&self, shelf: Shelf, name: &str, text: &[u8]) -> Result<(), Refused> {
        let record = self.encrypted(text).await?;
        let store = store(&self.database, shelf.store(), IdbTransactionMode::Readwrite)?;
        store.put_with_key(&record, &self.named(name))?;
        completion(&store.transaction()).await
    }

    /// Takes a record off the disk.
    pub async fn forget(&self, shelf: Shelf, name: &str) -> Result<(), Refused> {
        let store = store(&self.database, shelf.store(), IdbTransactionMode::Readwrite)?;
        store.delete(&self.named(name))?;
        completion(&store.transaction()).await
    }

    fn named(&self, name: &str) -> JsValue {
        format!("{}/{name}", self.user).into()
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

impl Drop for Vault {
    fn drop(&mut self) {
        self.database.close();
    }
}

/// Takes everything off the disk that is not this person's; with nobody, everything. Keys go with what they encrypted.
pub async fn wipe_all_but(user: Option<Uuid>) -> Result<(), Refused> {
    let database = open().await?;
    let shelves = Shelf::ALL.map(Shelf::store);
    for name in shelves.into_iter().chain([KEYS]) {
        let store = store(&database, name, IdbTransactionMode::Readwrite)?;
        match user {
            Some(user) => {
                let (first, end) = bounds(user);
                store.delete(&IdbKeyRange::upper_bound_with_open(&first, true)?.into())?;
                store.delete(&IdbKeyRange::lower_bound(&end)?.into())?;
            }
            None => drop(store.clear()?),
        }
        completion(&store.transaction()).await?;
    }
    Ok(())
}

/// The database, made the first time.
async fn open() -> Result<IdbDatabase, Refused> {
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
    let database: IdbDatabase = answer(&request).await?.dyn_into().map_err(Refused::from)?;
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

async fn held_key(database: &IdbDatabase, user: Uuid) -> Result<Option<CryptoKey>, Refused> {
    let store = store(database, KEYS, IdbTransactionMode::Readonly)?;
    let request = store.get(&bounds(user).0)?;
    Ok(answer(&request).await?.dyn_into().ok())
}

async fn add_key(database: &IdbDatabase, user: Uuid, key: &CryptoKey) -> Result<(), Refused> {
    let store = store(database, KEYS, IdbTransactionMode::Readwrite)?;
    store.add_with_key(key, &bounds(user).0)?;
    completion(&store.transaction()).await
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

fn of_user(user: Uuid) -> Result<IdbKeyRange, Refused> {
    let (first, end) = bounds(user);
    Ok(IdbKeyRange::bound_with_lower_open_and_upper_open(
        &first, &end, false, true,
    )?)
}

async fn answer(request: &IdbRequest) -> Result<JsValue, Refused> {
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
    JsFuture::from(told).await?;
    Ok(())
}
