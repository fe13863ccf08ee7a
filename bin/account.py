"""Where the account is that people speak to."""

import os
import pathlib

import boto3
import tomlkit


def session(folder=None):
    """What `sam deploy --guided` saved in the folder's samconfig.toml (by default the current one), but the region of AWS_REGION if it is set."""
    saved = {}
    path = (folder or pathlib.Path.cwd()) / "samconfig.toml"
    if path.is_file():
        saved = tomlkit.parse(path.read_text()).unwrap().get("default", {}).get("deploy", {}).get("parameters", {})
    # Every other SDK knows AWS_REGION; boto3 does not. It comes first: whoever has installations in several regions has saved one of them.
    region = os.environ.get("AWS_REGION") or saved.get("region")
    return boto3.Session(region_name=region, profile_name=saved.get("profile"))
