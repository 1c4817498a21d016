//! The served methods, and the facts that admission needs about each before it reads a message: who may call, how large the
//! message may be, and its shape. The descriptors list the methods; the table below has only the exceptions.

use std::collections::HashMap;

use prost_reflect::{DescriptorPool, ServiceDescriptor};

use super::shape::{ShapeId, Shapes};
use crate::access::Rights;
use crate::access::rights::MethodId;
use crate::base::{Error, Result, limits};

/// Access to a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anyone: health and reflection.
    Anyone,
    /// The callers in the method's row of the rights.
    Row(MethodId),
}

/// A method that is served.
#[derive(Debug)]
pub struct Method {
    /// `package.Service/Method`.
    pub name: String,
    /// Access to it.
    pub access: Access,
    /// Largest request message, in bytes, before and after decompression.
    pub message_bytes_max: usize,
    /// Most fields of a request message, those of embedded messages included.
    pub message_fields_max: usize,
    /// Whether the caller sends a stream of messages.
    pub is_client_streaming: bool,
    /// Whether it answers with a stream of messages.
    pub is_server_streaming: bool,
    /// The request message.
    pub shape: ShapeId,
}

impl Method {
    /// Whether it answers the same in every world: reflection does, because all worlds have the same protos.
    pub fn is_of_every_world(&self) -> bool {
        self.name.starts_with("grpc.reflection.")
    }

    /// Its row in the rights; `None` if it needs no credential.
    pub fn row_of_callers(&self, rights: &Rights) -> Option<MethodId> {
        match self.access {
            Access::Row(row) if !rights.is_public(row) => Some(row),
            Access::Row(_) | Access::Anyone => None,
        }
    }
}

/// Services of the framework, which need no credential. The rights govern our own.
const PUBLIC: &[&str] =
    &["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"];

/// Methods whose messages may be larger than [`limits::REQUEST_BYTES_MAX`]: bytes, and fields.
const LARGE: &[(&str, usize, usize)] = &[
    // 4,096 changes, each with some thirty fields of four wire fields each.
    ("lienthong.registry.v1.RegistryService/SubmitChanges", limits::MESSAGE_BYTES_MAX, 512 * 1024),
    ("lienthong.registry.v1.RegistryService/PutRecords", limits::MESSAGE_BYTES_MAX, 512 * 1024),
    // The statuses of millions of statements, two bits each, compressed.
    ("lienthong.registry.v1.IssuingService/SignStatusList", limits::MESSAGE_BYTES_MAX, 64),
    // 10,000 personal IDs.
    ("lienthong.exchange.v1.ExchangeService/BulkFetchRecords", 512 * 1024, 2 * limits::BULK_CITIZENS_MAX),
];

/// All methods, by path.
#[derive(Debug)]
pub struct Methods {
    by_path: HashMap<String, &'static Method>,
    shapes: Shapes,
}

impl Methods {
    /// The methods of these services, which the descriptor sets (encoded `FileDescriptorSet`s) describe.
    ///
    /// A process has one set of protos, so its methods live as long as it does.
    ///
    /// A method without a row in `rights` is a defect of this program: every file of rights has the same methods.
    pub fn new(descriptor_sets: &[&[u8]], services: &[&str], rights: &Rights) -> Result<Self> {
        let mut pool = DescriptorPool::new();
        for set in descriptor_sets {
            pool.decode_file_descriptor_set(*set).map_err(Error::bug)?;
        }
        let mut shapes = Shapes::default();
        let mut by_path = HashMap::new();
        for name in services {
            let service =
                pool.get_service_by_name(name).ok_or_else(|| Error::bug(format!("no descriptor of {name}")))?;
            for method in methods_of(&service, rights, &mut shapes)? {
                by_path.insert(format!("/{}", method.name), &*Box::leak(Box::new(method)));
            }
        }
        Ok(Self { by_path, shapes })
    }

    /// The method that a path names.
    pub fn find(&self, path: &str) -> Option<&'static Method> {
        self.by_path.get(path).copied()
    }

    /// The shapes of their messages.
    pub fn shapes(&self) -> &Shapes {
        &self.shapes
    }

    /// All methods, in no order.
    pub fn all(&self) -> impl Iterator<Item = &'static Method> + '_ {
        self.by_path.values().copied()
    }
}

fn methods_of(service: &ServiceDescriptor, rights: &Rights, shapes: &mut Shapes) -> Result<Vec<Method>> {
    let is_public = PUBLIC.contains(&service.full_name());
    let method = |method: prost_reflect::MethodDescriptor| {
        let name = format!("{}/{}", service.full_name(), method.name());
        let access = match rights.method(&name) {
            Some(row) => Access::Row(row),
            None if is_public => Access::Anyone,
            None => return Err(Error::bug(format!("the rights have no row for {name}"))),
        };
        let rule = (limits::REQUEST_BYTES_MAX, limits::REQUEST_FIELDS_MAX);
        let large = LARGE.iter().find(|(large, ..)| *large == name);
        let (message_bytes_max, message_fields_max) = large.map_or(rule, |(_, bytes, fields)| (*bytes, *fields));
        Ok(Method {
            name,
            access,
            message_bytes_max,
            message_fields_max,
            is_client_streaming: method.is_client_streaming(),
            is_server_streaming: method.is_server_streaming(),
            shape: shapes.of(&method.input()),
        })
    };
    service.methods().map(method).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::DESCRIPTORS;

    #[test]
    fn each_method_has_its_limits_and_its_callers() {
        let rights = crate::access::rights::embedded();
        let pool = DescriptorPool::decode(DESCRIPTORS).expect("descriptors");
        let names: Vec<String> = pool.services().map(|service| service.full_name().to_owned()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let methods = Methods::new(&[DESCRIPTORS], &names, &rights).expect("all described");
        let find = |name: &str| methods.find(&format!("/{name}")).expect(name);
        for (name, bytes, fields) in LARGE {
            let method = find(name);
            assert_eq!((method.message_bytes_max, method.message_fields_max), (*bytes, *fields), "{name} is served");
        }
        let is_public = |method: &&Method| matches!(method.access, Access::Row(row) if rights.is_public(row));
        assert_eq!(methods.all().filter(is_public).count(), 2 + 5 + 1, "trust, ledger and status");
        assert!(!is_public(&find("lienthong.exchange.v1.ExchangeService/FetchRecords")));
        assert_eq!(methods.all().count(), rights.methods().count(), "no row is of a method that is not there");
        assert!(methods.find("/lienthong.exchange.v1.ExchangeService/Nothing").is_none());
        assert!(methods.find("lienthong.exchange.v1.ExchangeService/FetchRecords").is_none());
    }
}
