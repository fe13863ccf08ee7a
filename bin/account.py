"""Where the account is that people speak to."""

import pathlib

import boto3
import tomlkit


def session():
    """What `sam deploy --guided` saved in samconfig.toml, or else what the environment says."""
    saved = {}
    path = pathlib.Path.cwd() / "samconfig.toml"
    if path.is_file():
        saved = tomlkit.parse(path.read_text()).unwrap().get("default", {}).get("deploy", {}).get("parameters", {})
    return boto3.Session(region_name=saved.get("region"), profile_name=saved.get("profile"))
