"""Switches, routers and firewalls: configuration lines that contain keys and SNMP communities."""

from consumer.domain.redaction.detectors.rule import Detector, Family, Finder, after, shape
from consumer.domain.redaction.detectors.values import QUOTED, Value, anything, is_literal, notable, strong
from consumer.domain.redaction.placeholders import SecretKind

_LEVEL = r"(?:[0-9]{1,2}[ ]++)?"


def _configured(value: Value) -> bool:
    return not value.is_impossible and (value.quoted or value.itself.casefold() not in _NOT_VALUES)


_NOT_VALUES = frozenset({"is", "was", "not", "for", "on", "string", "strings", "and", "sa", "hash", "from", "address", "public",
                         "auth", "the", "set", "has", "in", "are", "or", "with", "map", "mismatch", "missing", "to", "ro", "rw"})  # fmt: skip

_PATTERNS: tuple[tuple[SecretKind, tuple[str, ...], Finder], ...] = (
    (SecretKind.PASSWORD, ("enable secret", "enable password"), after(rf"enable[ ]++(?:secret|password)[ ]++(?:level[ ]++[0-9]{1,2}[ ]++)?{_LEVEL}", notable)),
    (SecretKind.PASSWORD, ("secret ",), after(r"secret[ ]++[0-9][ ]++", notable)),
    (SecretKind.PASSWORD, ("secret ", "password ", "passwd "), after(r"(?:secret|password|passwd)[ ]++(?-i:ENC)[ ]++", notable)),
    (SecretKind.KEY, ("psksecret",), after(r"psksecret[ ]++(?:(?-i:ENC)[ ]++)?", _configured)),
    (SecretKind.PASSWORD, ("snmp-server community",), after(r"snmp-server[ ]++community[ ]++", _configured)),
    (SecretKind.PASSWORD, ("community",), after(r"community(?:[ ]++string)?[ ]*+(?:[:=]|\bis\b|\bwas\b)[ ]*+", notable)),
    (SecretKind.PASSWORD, ("auth md5", "auth sha"), after(r"auth[ ]++(?:md5|sha)[\w-]{0,5}[ ]++", notable)),
    (SecretKind.PASSWORD, ("priv aes", "priv des", "priv 3des"), after(r"priv[ ]++(?:aes|3?des)(?:[ -]?[0-9]{3})?[ ]++", notable)),
    (SecretKind.KEY, ("isakmp key",), after(rf"isakmp[ ]++key[ ]++{_LEVEL}", _configured)),
    (SecretKind.KEY, ("pre-shared-key", "pre-shared key", "preshared key", "preshared-key"),
     after(r"pre-?shared[ -]key[ ]++(?:(?:ascii-text|ascii|hexadecimal|hex|local|remote|[0-9])[ ]++)?(?:(?:is|was)[ ]++|[:=][ ]*+)?", notable)),
    (SecretKind.KEY, ("pre-shared", "preshared"), after(r"pre-?shared[ -]?key[ ]*+(?:[:=]|is|was)[ ]*+", anything)),
    (SecretKind.KEY, ("psk=",), after(r"(?<![a-z])psk=", is_literal, QUOTED)),
    (SecretKind.KEY, ("psk",), after(r"(?<![a-z])psk[ ]*+(?:[:=]|\bis\b|\bwas\b|\bist\b|-?>|→)[ ]*+", notable)),
    (SecretKind.KEY, ("psk ",), after(r"(?<![a-z])psk[ ]++", strong)),
    (SecretKind.KEY, ("wpa-psk", "wpa-passphrase"), after(r"wpa-(?:psk|passphrase)[ ]++(?:(?:ascii|hex)[ ]++)?(?:[0-9][ ]++)?", notable)),
    (SecretKind.KEY, ("key ",), after(r"(?<![\w-])key[ ]++[0-9][ ]++(?=[0-9A-Za-z]{6})", notable)),
    (SecretKind.KEY, ("\n key ", "\n  key "), after(r"\n[ ]{1,2}key[ ](?:[0-9][ ])?(?=\S{6,64}[ ]?(?:[\r\n]|\Z))", notable)),
    (SecretKind.KEY, ("key-string",), after(r"key-string[ ]++(?:[0-9][ ]++)?", _configured)),
    (SecretKind.PASSWORD, ("plaintext ",), after(r"(?<=[ ])plaintext[ ]++(?=\S)", notable)),
    (SecretKind.PASSWORD, ("rocommunity", "rwcommunity"), after(r"r[ow]community6?[ ]++", _configured)),
    (SecretKind.PASSWORD, ("snmp-server host",), after(r"snmp-server[ ]++host[ ][^\r\n]{0,80}?[ ](?:version[ ]++(?:1|2c)|community)[ ]++", _configured)),
    (SecretKind.PASSWORD, ("ipsec secret", "shared-secret", "shared secret"),
     after(r"(?:ipsec|shared)[ -]secret[ ]*+(?:(?:is|was)[ ]++|[:=][ ]*+)?[\"']?", notable)),
    (SecretKind.KEY, ("tacacs", "radius"), after(r"(?:tacacs|radius)[\w+-]{0,12}(?:[ ][^\r\n]{0,120}?)?[ ]key[ ]++(?:[0-9][ ]++)?", notable)),
    (SecretKind.KEY, ("message-digest-key", "authentication-key"),
     after(r"(?:message-digest|authentication)-key[ ]++[0-9]{1,5}[ ]++md5[ ]++(?:[0-9][ ]++)?", _configured)),
    (SecretKind.PASSWORD, ("plain-text-password-value", "encrypted-password"),
     after(r"(?:plain-text-password-value|encrypted-password)[ ]++", _configured)),
    (SecretKind.PASSWORD, ("chap password", "pap sent-username"),
     after(r"(?:chap|pap[ ]sent-username[ ][^\s]{1,60})[ ]++password[ ]++(?:[0-9][ ]++)?", _configured)),
)  # fmt: skip

RULES: tuple[Detector, ...] = (
    *(Detector(family=Family.NETWORK, kind=kind, anchors=anchors, look=look) for kind, anchors, look in _PATTERNS),
    Detector(
        family=Family.NETWORK, kind=SecretKind.HASH, anchors=("$1$", "$5$", "$6$", "$8$", "$9$", "$14$", "$2a$", "$2b$", "$2y$", "$y$"),
        look=shape(r"\$(?:1|5|6|8|9|14|2[aby]|y)\$(?:rounds=[0-9]{1,9}\$)?[\w./$-]{8,200}"),
    ),
    Detector(
        family=Family.NETWORK, kind=SecretKind.HASH, anchors=("$argon2", "$pbkdf2", "$scrypt$"),
        look=shape(r"\$(?:argon2(?:id|i|d)|pbkdf2[\w-]{0,12}|scrypt)\$[\w=,./+$-]{24,300}"),
    ),
)  # fmt: skip
