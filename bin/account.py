"""Where the account is that people speak to."""

import os
import pathlib

import boto3
import tomlkit


def session(folder=None):
    """What `sam deploy --guided` saved in the folder's samconfig.toml (by default the current one), or else what the environment says."""
    saved = {}
    path = (folder or pathlib.Path.cwd()) / "samconfig.toml"
    if path.is_file():
        saved = tomlkit.parse(path.read_text()).unwrap().get("default", {}).get("deploy", {}).get("parameters", {})
    # Every other SDK knows AWS_REGION; boto3 does not.
    region = saved.get("region") or os.environ.get("AWS_REGION")
    return boto3.Session(region_name=region, profile_name=saved.get("profile"))
