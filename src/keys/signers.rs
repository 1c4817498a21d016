//! The keys of this world: each signer derives from the seed, under the name of the log that it signs.
//!
//! Unless keys are kept in a folder (`keyring`), a key is a branch of the seed tree, so that the same seed gives byte-identical signatures. Whoever knows the
//! seed knows every one of them: `world.json` is readable by its owner alone. The key of tokens is not among them (`credential_key`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Weak};

use super::anchors::AnchorBoard;
use super::keyring::{KeptKeys, KeyFolder, KeyHolder, OpenKey, ROOT};
use super::renewal::{self, AnchorRenewal};
use crate::base::origins::{EVIDENCE_LEDGER, RECORD_LEDGER};
use crate::base::{Error, Reason, Result, Seed, Timestamp};
use crate::registry::allocation::Admission;
use crate::registry::{Catalogue, Name, Sector};
use crate::simulation::faults::{Rules, compromised_key, compromised_record};
use crate::trust::anchor::{Continued, NewLog};
use crate::trust::keys::{HeldElsewhere, Renamed};
use crate::trust::{
    Ed25519Signer, IssuerAnchor, KeyChange, KeyRecord, LogAnchor, LogPurpose, Newcomer, PublicKey, Root, Signer,
    TrustAnchor, Verifier,
};

/// All signers.
pub struct Keys {
    catalogue: Arc<Catalogue>,
    /// Values derived from it belong to the world, whichever keys it has.
    world: Seed,
    /// The seed of the keys: the world's, or a branch of it for a session.
    grown: Seed,
    /// The folder that keys are kept in, and the versions of its key registry; `None` if they derive from the seed.
    kept: Option<(KeptKeys, Vec<TrustAnchor>)>,
    /// Signs the record ledger.
    pub records: Arc<dyn Signer>,
    /// Signs the evidence ledger.
    pub evidence: Arc<dyn Signer>,
    issuers: BTreeMap<Name, Issuer>,
}

struct Issuer {
    own: Arc<dyn Signer>,
    compromised: Arc<dyn Signer>,
}

/// The keys of one registry, which its role alone holds.
pub struct IssuerKeys {
    /// Signs its log, its status lists and its credentials.
    pub own: Arc<dyn Signer>,
    /// One of its keys that the trust anchor calls compromised, for the personas whose records it signed.
    pub compromised: Arc<dyn Signer>,
    /// Its own secret: record ids and salts derive from it.
    pub secret: Seed,
    /// Opens its key of a later version of the key registry.
    pub later: OpenKey,
}

impl Keys {
    /// The keys of the world that grows from `world`, for the registries of `catalogue`.
    pub fn new(catalogue: Arc<Catalogue>, world: Seed) -> Self {
        let compromised =
            |sector: &Sector| -> Arc<dyn Signer> { Arc::new(compromised_key(&world, &sector.log_origin())) };
        Self::grown(catalogue, world, world, compromised)
    }

    /// The keys of a session of the world that grows from `world`, for the logs of `catalogue`: they grow from a branch of the seed. The key that
    /// the trust anchor calls compromised is the province's, which `compromised` gives for each registry.
    pub fn of_session(
        catalogue: Arc<Catalogue>,
        world: Seed,
        compromised: impl Fn(&str) -> Option<Arc<dyn Signer>>,
    ) -> Result<Self> {
        let found = catalogue.sectors().iter().map(|sector| {
            let signer =
                compromised(&sector.name).ok_or_else(|| Error::bug("a session of another world's registries"))?;
            Ok((sector.name.clone(), signer))
        });
        let mut found = found.collect::<Result<BTreeMap<Name, _>>>()?;
        let grown = world.child(&catalogue.origins().origin("keys"), 0);
        let renamed = |sector: &Sector| -> Arc<dyn Signer> {
            let signer =
                found.remove(&sector.name).unwrap_or_else(|| unreachable!("each registry was asked for above"));
            Arc::new(Renamed { name: sector.log_origin(), signer })
        };
        Ok(Self::grown(catalogue, world, grown, renamed))
    }

    fn grown(
        catalogue: Arc<Catalogue>,
        world: Seed,
        grown: Seed,
        mut compromised: impl FnMut(&Sector) -> Arc<dyn Signer>,
    ) -> Self {
        let signer = |origin: &str| -> Arc<dyn Signer> {
            Arc::new(Ed25519Signer::from_seed(origin, &grown.child(&format!("key/{origin}"), 0)))
        };
        let mut issuer = |sector: &Arc<Sector>| {
            (sector.name.clone(), Issuer { own: signer(&sector.log_origin()), compromised: compromised(sector) })
        };
        let issuers = catalogue.sectors().iter().map(&mut issuer).collect();
        Self {
            kept: None,
            world,
            grown,
            records: signer(&catalogue.origins().origin(RECORD_LEDGER)),
            evidence: signer(&catalogue.origins().origin(EVIDENCE_LEDGER)),
            issuers,
            catalogue,
        }
    }

    /// The same, where these registries sign with keys of their own on hosts of their own. Fails with
    /// [`ConfigurationInvalid`](Reason::ConfigurationInvalid) for a registry that the catalogue does not have.
    pub fn knowing(mut self, elsewhere: &BTreeMap<String, PublicKey>) -> Result<Self> {
        for (name, key) in elsewhere {
            let sector = self.catalogue.sector(name).ok_or_else(|| {
                let message = format!("there is no registry {name} whose key is known: give its schema file");
                Error::new(Reason::ConfigurationInvalid, message)
            })?;
            let own = Arc::new(HeldElsewhere { name: sector.log_origin(), key: key.clone() });
            if let Some(issuer) = self.issuers.get_mut(&sector.name) {
                issuer.own = own;
            }
        }
        Ok(self)
    }

    /// Keys from a folder; everything else still grows from `world`.
    pub fn kept(catalogue: &Arc<Catalogue>, world: Seed, keys: &KeptKeys) -> Result<Self> {
        let folder = KeyFolder::open(&keys.folder)?;
        let versions = folder.versions()?;
        let newest = versions.last().ok_or_else(|| Error::bug("a key folder without a version"))?;
        names_all(catalogue, &keys.folder, newest)?;
        let signer = |origin: &str| folder.log_signer(newest, origin, &keys.unlock);
        let issuers = catalogue.sectors().iter().map(|sector| {
            let origin = sector.log_origin();
            let compromised = match folder.stolen_signer(newest, &origin, &keys.unlock)? {
                Some(kept) => kept,
                None => Arc::new(compromised_key(&world, &origin)),
            };
            Ok((sector.name.clone(), Issuer { own: signer(&origin)?, compromised }))
        });
        Ok(Self {
            records: signer(&catalogue.province().origin(RECORD_LEDGER))?,
            evidence: signer(&catalogue.province().origin(EVIDENCE_LEDGER))?,
            issuers: issuers.collect::<Result<_>>()?,
            kept: Some((keys.clone(), versions)),
            catalogue: catalogue.clone(),
            grown: world,
            world,
        })
    }

    /// Whether the keys in a folder name all that `catalogue` has: known before they are opened. Fails with
    /// [`ConfigurationInvalid`](Reason::ConfigurationInvalid), naming what was not admitted.
    pub fn admitted(catalogue: &Catalogue, keys: &KeptKeys) -> Result<()> {
        let newest = KeyFolder::open(&keys.folder)?.newest()?;
        names_all(catalogue, &keys.folder, &newest)
    }

    /// All versions of the key registry, the first one first; of keys that grow from the seed, those of a world that was made at
    /// `created_at`, until `now`: renewals and placed admissions, each in its time.
    pub fn versions(
        &self,
        created_at: Timestamp,
        now: Timestamp,
        admissions: &[Admission],
    ) -> Result<Vec<TrustAnchor>> {
        if let Some((_, versions)) = &self.kept {
            return Ok(versions.clone());
        }
        let late: BTreeSet<&str> = admissions.iter().flat_map(Admission::record_types).collect();
        let mut versions = vec![self.anchor(created_at, &late)?];
        for admission in admissions {
            let Some(placed) = admission.placed else { break };
            versions = renewal::until(versions, &self.root(), placed.at())?;
            let newest = versions.last().ok_or_else(|| Error::bug("no trust anchor"))?;
            versions.push(self.admit(newest, admission, placed.events_from)?);
        }
        renewal::until(versions, &self.root(), now)
    }

    /// The version that admits the registries of an admission; its key events begin at ledger index `at`. Only for keys that derive from the seed.
    pub fn admit(&self, newest: &TrustAnchor, admission: &Admission, at: u64) -> Result<TrustAnchor> {
        let newcomer = |(name, schemas): (&String, &Vec<String>)| -> Result<Newcomer> {
            let sector = self.catalogue.sector(name).ok_or_else(|| Error::bug("an admission of no registry"))?;
            let own = &self.find(name)?.own;
            let key = match newest.issuer(name) {
                Some(_) => None,
                None => Some(PublicKey::new(own.algorithm(), own.public_key()).map_err(Error::bug)?),
            };
            Ok(Newcomer { name: name.clone(), origin: sector.log_origin(), schemas: schemas.clone(), key })
        };
        let newcomers = admission.record_types.iter().map(newcomer).collect::<Result<_>>()?;
        let next = newest.changed(&KeyChange::Admit(newcomers), at, newest.expires_at);
        let mut next = next.map_err(|error| Error::bug(error.to_string()))?;
        next.sign(&self.root())?;
        Ok(next)
    }

    fn root(&self) -> Ed25519Signer {
        Ed25519Signer::from_seed(ROOT, &self.grown.child("key/root", 0))
    }

    /// The yearly renewal of the anchor, unless `rules` halt it; `None` if that is up to the holders of its root keys.
    pub fn renewal(
        &self,
        verifier: Arc<Verifier>,
        board: AnchorBoard,
        issuers: Vec<Weak<dyn KeyHolder>>,
        rules: &Arc<Rules>,
    ) -> Option<AnchorRenewal> {
        let rules = Arc::downgrade(rules);
        self.kept.is_none().then(|| AnchorRenewal::new(self.root(), verifier, board, issuers, rules))
    }

    /// The keys of a registry, for its role alone.
    pub fn of_registry(&self, sector: &Sector) -> Result<IssuerKeys> {
        let Issuer { own, compromised } = self.find(&sector.name)?;
        let (kept, origin) = (self.kept.as_ref().map(|(kept, _)| kept.clone()), sector.log_origin());
        let later: OpenKey = Arc::new(move |version| match &kept {
            Some(kept) => KeyFolder::open(&kept.folder)?.log_signer(version, &origin, &kept.unlock),
            None => Err(Error::bug("keys that grow from a seed do not change")),
        });
        let secret = self.world.child(&format!("secret/registry/{}", sector.name), 0);
        Ok(IssuerKeys { own: own.clone(), compromised: compromised.clone(), secret, later })
    }

    /// The anchor of a session whose logs take over from those of `base`, each as `continued` says of its origin there; the key
    /// events begin at ledger index `at`.
    pub fn continuing(
        &self,
        base: &TrustAnchor,
        at: u64,
        continued: &BTreeMap<String, (String, Continued)>,
    ) -> Result<TrustAnchor> {
        let signers = self.issuers.values().map(|issuer| &issuer.own).chain([&self.records, &self.evidence]);
        let signers: BTreeMap<&str, _> = signers.map(|signer| (signer.key_name(), signer)).collect();
        let public = |signer: &dyn Signer| PublicKey::new(signer.algorithm(), signer.public_key()).map_err(Error::bug);
        let root = self.root();
        let keys = Root { threshold: 1, keys: vec![public(&root)?] };
        let mut anchor = base.continued(at, keys, |before| {
            let unknown = || Error::bug(format!("{before} is not continued"));
            let (origin, continues) = continued.get(before).cloned().ok_or_else(unknown)?;
            let signer = signers.get(&*origin).ok_or_else(unknown)?;
            Ok::<_, Error>(NewLog { key: public(&***signer)?, origin, continues })
        })?;
        anchor.sign(&root)?;
        Ok(anchor)
    }

    /// The anchor of keys that derive from the seed, without record types that were added `late`.
    fn anchor(&self, created_at: Timestamp, late: &BTreeSet<&str>) -> Result<TrustAnchor> {
        let active = |signer: &Arc<dyn Signer>| KeyRecord::active(&**signer).map_err(Error::bug);
        let log = |name: &str, purpose, signer: &Arc<dyn Signer>| -> Result<LogAnchor> {
            Ok(LogAnchor {
                continues: Vec::new(),
                origin: self.catalogue.province().origin(name),
                purpose,
                keys: vec![active(signer)?],
            })
        };
        let early = |sector: &Arc<Sector>| -> Vec<String> {
            let early = sector.record_types.iter().filter(|of| !late.contains(&*of.name));
            early.map(|of| (&of.name).into()).collect()
        };
        let issuer = |sector: &Arc<Sector>| -> Result<IssuerAnchor> {
            let keys = self.find(&sector.name)?;
            Ok(IssuerAnchor {
                continues: Vec::new(),
                name: (&sector.name).into(),
                origin: sector.log_origin(),
                schemas: early(sector),
                keys: vec![active(&keys.own)?, compromised_record(&*keys.compromised)?],
            })
        };
        let first = self.catalogue.sectors().iter().filter(|sector| !early(sector).is_empty());
        let root = self.root();
        let mut anchor = TrustAnchor {
            province: self.catalogue.province().to_string(),
            version: 1,
            events_from: 0,
            root: Root {
                threshold: 1,
                keys: vec![PublicKey::new(root.algorithm(), root.public_key()).map_err(Error::bug)?],
            },
            signatures: Vec::new(),
            expires_at: renewal::expiry(created_at)?,
            logs: vec![
                log(RECORD_LEDGER, LogPurpose::Records, &self.records)?,
                log(EVIDENCE_LEDGER, LogPurpose::Evidence, &self.evidence)?,
            ],
            issuers: first.map(issuer).collect::<Result<_>>()?,
        };
        anchor.sign(&root)?;
        Ok(anchor)
    }

    fn find(&self, registry: &str) -> Result<&Issuer> {
        let unknown = || Error::new(Reason::NotFound, "no such registry").with_subject("registry", registry);
        self.issuers.get(registry).ok_or_else(unknown)
    }
}

/// Whether the newest version of kept keys names all that the catalogue has.
fn names_all(catalogue: &Catalogue, folder: &Path, newest: &TrustAnchor) -> Result<()> {
    for sector in catalogue.sectors() {
        let issuer = newest.issuer(&sector.name);
        let has = |name: &str| issuer.is_some_and(|issuer| issuer.schemas.iter().any(|schema| schema == name));
        if let Some(missing) = sector.record_types.iter().find(|of| !has(&of.name)) {
            let message = format!(
                "the keys in {} do not name {}: while a gateway runs with them, `lienthong keys admit --registry-schema FILE` admits it",
                folder.display(),
                missing.name
            );
            return Err(Error::new(Reason::ConfigurationInvalid, message));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    #[test]
    fn the_same_seed_gives_the_same_anchor() {
        let anchor = |seed, now| {
            Keys::new(Catalogue::built_in(), Seed::root(seed))
                .anchor(now, &BTreeSet::new())
                .and_then(|anchor| anchor.to_json())
                .expect("an anchor")
        };
        assert_eq!(anchor(1, NOW), anchor(1, NOW.plus_ms(86_400_000)));
        assert_ne!(anchor(1, NOW), anchor(2, NOW));
    }

    #[test]
    fn an_anchor_names_every_registry_and_reads_back() {
        let anchor = Keys::new(Catalogue::built_in(), Seed::root(1)).anchor(NOW, &BTreeSet::new()).expect("an anchor");
        assert_eq!(anchor.issuers.len(), Catalogue::built_in().sectors().len());
        assert!(anchor.expires_at > NOW.plus_ms(365 * 86_400_000));
        assert_eq!(TrustAnchor::from_json(&anchor.to_json().expect("JSON")).expect("reads"), anchor);
    }
}
