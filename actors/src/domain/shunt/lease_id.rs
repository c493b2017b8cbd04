//! Ids of reservations.
//!
//! Guarantee: an id names the tenant that made it, so whoever is brought one knows whom to ask about it, also
//! after a restart and without remembering it.

use uuid::{Builder, Uuid, Version};

use crate::domain::ids::EntId;

/// Bits of the tenant in the id's last part; the other 60 are before it.
const TENANT_LOW_BITS: u32 = 4;

/// Bits that tell a tenant's reservations apart.
const OWN_BITS: u32 = 58;

/// The id of a reservation of `ent`: a UUIDv8 with the tenant's 64 bits and the last 58 of `fresh`, an id that
/// nobody has used (the last bits of a UUIDv7 are its counter and its randomness).
pub fn lease_id(ent: EntId, fresh: Uuid) -> Uuid {
    let tenant = ent.cast_unsigned();
    let high = tenant >> TENANT_LOW_BITS; // 60 bits: 48 before the version's, 12 behind
    let head = u128::from(high >> 12) << 80 | u128::from(high & 0xFFF) << 64;
    let own = fresh.as_u128() & ((1 << OWN_BITS) - 1);
    let tail = u128::from(tenant & ((1 << TENANT_LOW_BITS) - 1)) << OWN_BITS | own;
    Builder::from_custom_bytes((head | tail).to_be_bytes()).into_uuid()
}

/// The tenant that made a reservation; `None` for an id that no tenant made.
pub fn tenant_of(lease: Uuid) -> Option<EntId> {
    if lease.get_version() != Some(Version::Custom) {
        return None;
    }
    let bits = lease.as_u128();
    let high = (bits >> 80) << 12 | (bits >> 64 & 0xFFF);
    let low = bits >> OWN_BITS & ((1 << TENANT_LOW_BITS) - 1);
    let tenant = high << TENANT_LOW_BITS | low;
    u64::try_from(tenant).ok().map(u64::cast_signed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reservation_names_its_tenant_whatever_its_number() {
        for ent in [0, 1, 7, 15, 16, -1, i64::MAX, i64::MIN, 0x0123_4567_89AB_CDEF] {
            for fresh in [0, 1, u128::MAX, 0x0190_0000_0000_7000_8000_0123_4567_89AB] {
                assert_eq!(tenant_of(lease_id(ent, Uuid::from_u128(fresh))), Some(ent));
            }
        }
    }

    #[test]
    fn two_reservations_of_a_tenant_differ_and_other_ids_name_nobody() {
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert_ne!(lease_id(7, one), lease_id(7, two));
        for other in ["01900000-0000-7000-8000-0123456789ab", "00000000-0000-4000-8000-000000000001"] {
            assert_eq!(other.parse().ok().and_then(tenant_of), None);
        }
    }
}
