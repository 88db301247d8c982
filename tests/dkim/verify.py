"""Verifies mails by dkimpy, offline: verify.py RECORDS.json MAIL.eml...

RECORDS.json has the TXT records by name. Of each mail, every signature must hold, must sign what has to be
signed, and must not hold any more once a signed octet is another one or a header that readers see is there twice.
"""

import json
import re
import sys
import time

import dkim

ONE_CLICK = ["list-unsubscribe", "list-unsubscribe-post"]
OVERSIGNED = ["from", "to", "cc", "subject", "date", "reply-to"]


def verdicts(mail, records):
    """For each signature, whether it holds."""

    def dns(name, timeout=5):
        name = name.decode() if isinstance(name, bytes) else name
        return records[name.rstrip(".")].encode()

    message = dkim.DKIM(mail)
    count = sum(name.lower() == b"dkim-signature" for name, _ in message.headers)
    held = []
    for index in range(count):
        try:
            held.append(dkim.DKIM(mail).verify(idx=index, dnsfunc=dns))
        except dkim.DKIMException:
            held.append(False)
    return held


def fields(mail):
    """Name, where its value begins, where it ends."""
    head = mail.index(b"\r\n\r\n") + 2
    for field in re.finditer(rb"([!-9;-~]+)[ \t]*:((?:.|\r\n[ \t])*)\r\n", mail[:head]):
        yield field.group(1).decode().lower(), field.start(2), field.end(2)


def flipped(mail, at):
    """Another letter in the place of one."""
    return mail[:at] + bytes([mail[at] ^ 1]) + mail[at + 1 :]


def letters(mail, start, end):
    return [at for at in range(start, end) if chr(mail[at]).isalnum()]


def check(mail, records):
    signatures = []
    there = list(fields(mail))
    for name, start, end in there:
        if name == "dkim-signature":
            value = re.sub(rb"\s+", b"", mail[start:end]).decode()
            signatures.append(dict(tag.split("=", 1) for tag in value.split(";") if tag))
    if not signatures:
        return "no signature", 0
    if len(signatures) != len(records):
        return f"{len(signatures)} signatures for {len(records)} keys", 0
    when = int(signatures[0]["t"])
    time.time = lambda: when
    if not all(verdicts(mail, records)):
        return f"does not hold: {verdicts(mail, records)}", 0

    names = [name for name, _, _ in there if name != "return-path"]
    for tags in signatures:
        signed = tags["h"].split(":")
        if tags["c"] != "relaxed/relaxed" or "l" in tags:
            return f"c={tags['c']}, l={tags.get('l')}", 0
        for name in OVERSIGNED:
            if signed.count(name) != names.count(name) + 1:
                return f"{name} is not over-signed", 0
        for name in set(names) & set(ONE_CLICK + ["message-id", "content-type", "feedback-id", "list-id"]):
            if name not in signed:
                return f"{name} is not signed", 0

    tried = 0
    head = mail.index(b"\r\n\r\n") + 4
    signed = signatures[0]["h"].split(":")
    places = [letters(mail, start, end) for name, start, end in there if name in signed]
    places += [letters(mail, head, len(mail))]
    for all_of_one in places:
        step = max(1, len(all_of_one) // 12)
        for at in all_of_one[::step] + all_of_one[-1:]:
            if any(verdicts(flipped(mail, at), records)):
                return f"still holds with another octet at {at}: {mail[at - 20 : at + 20]!r}", tried
            tried += 1
    for name in OVERSIGNED:
        second = name.encode() + b": evil@example.net\r\n" + mail
        if any(verdicts(second, records)):
            return f"still holds with a second {name}", tried
        tried += 1
    if any(verdicts(mail + b"and this\r\n", records)):
        return "still holds with more text", tried
    return None, tried + 1


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        records = json.load(file)
    wrong = 0
    for path in sys.argv[2:]:
        with open(path, "rb") as file:
            mail = file.read()
        if b"\r\n" not in mail:
            mail = mail.replace(b"\n", b"\r\n")
        problem, tried = check(mail, records)
        wrong += problem is not None
        print(f"{path}: {problem or 'holds'}, {tried} changed mails refused")
    sys.exit(1 if wrong else 0)


main()
