//! DynamoDB beside the world: moto, with the tables of the template.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::net::TcpStream;

use super::BenchError;
use crate::{
    demo::http,
    tether::{Tethered, free_port},
};

/// Python may take its time on a busy machine.
const START_PATIENCE: Duration = Duration::from_mins(1);

/// A running moto. It ends with this value.
#[derive(Debug)]
pub struct Moto {
    /// Where it answers.
    pub address: SocketAddr,
    _tethered: Tethered,
}

impl Moto {
    /// Starts the server at this path, and makes the tables: each with its key attributes, the sort key second.
    ///
    /// # Errors
    /// When it does not start, or refuses a table.
    pub async fn start(server: &Path, tables: &[(&str, &[&str])]) -> Result<Self, BenchError> {
        let start = |source| BenchError::Start { path: server.to_owned(), source };
        let port = free_port().map_err(start)?;
        let mut command = Tethered::command(server.as_os_str());
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
        let mut tethered = Tethered::spawn(&mut command).map_err(start)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let patience = Instant::now() + START_PATIENCE;
        while TcpStream::connect(address).await.is_err() {
            if tethered.has_ended() || Instant::now() > patience {
                return Err(BenchError::Moto("it does not listen".to_owned()));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        for (table, keys) in tables {
            create(address, table, keys).await?;
        }
        Ok(Self { address, _tethered: tethered })
    }
}

async fn create(moto: SocketAddr, table: &str, keys: &[&str]) -> Result<(), BenchError> {
    let attributes: Vec<_> = keys.iter().map(|key| json!({"AttributeName": key, "AttributeType": "S"})).collect();
    let schema = keys.iter().zip(["HASH", "RANGE"]);
    let schema: Vec<_> = schema.map(|(key, kind)| json!({"AttributeName": key, "KeyType": kind})).collect();
    let body = json!({
        "TableName": table,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": attributes,
        "KeySchema": schema,
    });
    let authorization = http::authorization(panda_world::REGION, "dynamodb");
    let headers = [
        ("Content-Type", "application/x-amz-json-1.0"),
        ("X-Amz-Target", "DynamoDB_20120810.CreateTable"),
        ("Authorization", &authorization),
    ];
    let reply = http::post(moto, &headers, &body.to_string(), START_PATIENCE).await;
    match reply {
        Ok(reply) if reply.status == 200 => Ok(()),
        Ok(reply) => Err(BenchError::Moto(format!("it refuses the table {table}: {}", reply.body))),
        Err(error) => Err(BenchError::Moto(format!("it does not make the table {table}: {error}"))),
    }
}
