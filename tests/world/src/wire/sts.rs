//! STS, as far as clients ask it who they are.

use super::{Handler, Operation};
use crate::world::ACCOUNT;

pub(crate) const OPERATIONS: &[Operation] = &[Operation {
    name: "GetCallerIdentity",
    accepts: &[],
    handler: Handler::Read(|_, _, xml| {
        xml.leaf("Arn", format!("arn:aws:iam::{ACCOUNT}:user/world"));
        xml.leaf("UserId", "AIDAWORLD");
        xml.leaf("Account", ACCOUNT);
        Ok(())
    }),
}];
