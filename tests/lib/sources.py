"""The places from which pop3fs takes a password, and how it is told of each."""

from dataclasses import replace

SOURCES = ["password_command", "password_file", "password_stdin", "credential", "netrc"]
AGAIN = [source for source in SOURCES if source != "password_stdin"]   # can be asked a second time


def content(source, secret, user="demo"):
    """What the file holds that the password is taken from."""
    if source == "netrc":
        return f"machine localhost\nlogin {user}\npassword \"{secret}\"\n".encode()
    return secret.encode() + b"\nmore\n"


def configured(source, person, secret, user="demo"):
    """(who mounts, the options that say where the secret is, the file that holds it)."""
    text = content(source, secret, user)
    file = person.file("secret", text)
    if source == "password_command":
        return person, {source: f"cat {file}"}, file
    if source == "password_stdin":
        return person, {source: True, "stdin": text}, file
    if source in ("password_file", "netrc"):
        return person, {source: file}, file
    directory = person.directory("credentials")
    file = file.rename(directory / "pop3fs-password")
    return replace(person, environment={"CREDENTIALS_DIRECTORY": str(directory)}), {}, file
