//! References to objects, each of them kept once: a pod is named by the watch, by its run and in lists, its workload by all its pods.
use crate::domain::object::ObjectRef;
use std::{
    borrow::Borrow,
    collections::HashSet,
    hash::{Hash, Hasher},
    sync::Arc,
};

/// All that are in use.
#[derive(Default)]
pub struct Refs(HashSet<Arc<ObjectRef>>);

impl Refs {
    /// The one that is kept.
    pub fn share(&mut self, of: &ObjectRef) -> Arc<ObjectRef> {
        if let Some(known) = self.0.get(of) {
            return known.clone();
        }
        let new = Arc::new(of.clone());
        self.0.insert(new.clone());
        new
    }

    /// Lets go of those that nobody has any more.
    pub fn forget_unused(&mut self) {
        self.0.retain(|of| Arc::strong_count(of) > 1);
    }
}

/// A key of a map: an object that is found by one of its texts.
macro_rules! key {
    ($(#[$doc:meta])* $name:ident, $text:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name(pub Arc<ObjectRef>);

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0.$text
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.0.$text == other.0.$text
            }
        }

        impl Eq for $name {}

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                // As a text is hashed: a map is asked for one.
                self.0.$text.hash(state);
            }
        }
    };
}

key!(
    /// Found by its uid.
    ByUid,
    uid
);
key!(
    /// Found by its name, among those of one namespace.
    ByName,
    name
);

#[cfg(test)]
mod tests {
    use super::*;

    fn web() -> ObjectRef {
        ObjectRef::new("Deployment", "shop", "web", "u1")
    }

    #[test]
    fn an_object_is_kept_once_and_as_long_as_somebody_has_it() {
        let mut refs = Refs::default();
        let (one, two) = (refs.share(&web()), refs.share(&web()));
        assert!(Arc::ptr_eq(&one, &two));
        drop(one);
        refs.forget_unused();
        assert!(Arc::ptr_eq(&two, &refs.share(&web())));
        drop(two);
        refs.forget_unused();
        assert_eq!(refs.0.len(), 0);
    }

    #[test]
    fn keys_are_found_by_their_text() {
        let web = Arc::new(web());
        assert!(HashSet::from([ByUid(web.clone())]).contains("u1"));
        assert!(HashSet::from([ByName(web)]).contains("web"));
    }
}
