"""Who and what the events of one account are about: pools of JSON fragments, rendered once.

Everything is invented: domains are reserved for examples (RFC 2606), addresses for documentation (RFC 5737, 3849).
"""

import json
import random
from typing import Final, NamedTuple

UPPER: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" * 8
LOWER: Final = UPPER.lower()  # used with bytes.translate: one random byte becomes one base32 letter

DOMAIN: Final = "finance-and-operations.example.com"

_PEOPLE: Final = (
    "Zoë Márquez",
    "Siobhán O'Neill",
    "Łukasz Wójcik",
    "Anaïs Lefèvre",
    "Jürgen Groß",
    "Søren Ångström",
    "Thị Hương Nguyễn",
    "Çağla Yıldırım",  # noqa: RUF001 (Turkish has a dotless i)
    "Guðrún Þórsdóttir",
    "Ana-María Ñáñez",
    "Анна Кузнецова",
    "Дмитрий Щербаков",
    "Олена Ївченко",
    "王小明",
    "李娜",
    "山田太郎",
    "佐藤さくら",
    "김민준",
    "이서연",
    "محمد الأحمد",
    "فاطمة الزهراء",
    "יעל כהן",
    "Ελένη Παπαδοπούλου",
    "अनन्या शर्मा",
    "สมชาย ใจดี",
    "José Peña 🚀",
    "Mia 👩🏽\u200d💻 Okafor",
    'Robert "Bob" Tables',
    "Backslash \\ Jones",
    "R&D <Build> Bot",
    "Grace Hopper",
    "Alan Turing",
    "Ada Lovelace",
    "Wanda Maximoff",
    "Priya Natarajan",
    "Tom Riddle",
    "Ngozi Adeyemi",
    "Liam Smith",
    "Olivia Brown",
    "Noah Williams",
)

_PLACES: Final = (
    ("CA", "Canada", "North America", "Ontario", "Toronto", 43.6532, -79.3832),
    ("FR", "France", "Europe", "Île-de-France", "Paris", 48.8566, 2.3522),
    ("DE", "Germany", "Europe", "Nordrhein-Westfalen", "Köln", 50.9375, 6.9603),
    ("BR", "Brazil", "South America", "São Paulo", "São Paulo", -23.5505, -46.6333),
    ("JP", "Japan", "Asia", "東京都", "新宿区", 35.6938, 139.7034),
    ("UA", "Ukraine", "Europe", "Київ", "Київ", 50.4501, 30.5234),
    ("EG", "Egypt", "Africa", "القاهرة", "القاهرة", 30.0444, 31.2357),
    ("US", "United States", "North America", "California", "Santa Clara", 37.3541, -121.9552),
    ("IN", "India", "Asia", "Karnataka", "Bengaluru", 12.9716, 77.5946),
    ("AU", "Australia", "Oceania", "New South Wales", "Sydney", -33.8688, 151.2093),
    ("NG", "Nigeria", "Africa", "Lagos", "Lagos", 6.5244, 3.3792),
    ("GB", "United Kingdom", "Europe", "England", "London", 51.5074, -0.1278),
)

_CLIENTS: Final = (
    ("1Password for Mac", "81038012", "Wendy’s MacBook Pro", "MacBookPro18,3", "MacOSX", "15.6.1"),  # noqa: RUF001
    ("1Password for Windows", "81038012", "DESKTOP-7Q2M1ÄÖ", "Latitude 7440", "Windows", "11 (26100)"),
    ("1Password for Linux", "81038012", "build-07.example.com", "x86_64", "Linux", "6.8.0-45-generic"),
    ("1Password for iOS", "81036001", "iPhone von Jürgen", "iPhone16,2", "iOS", "18.1"),
    ("1Password for Android", "70902005", "Galaxy S24", "SM-S921B", "Android", "14"),
    ("1Password Browser Extension", "20195", "Chrome", "129.0.6668.89", "MacOSX", "10.15.7"),
    ("1Password Browser Extension", "1109", "Firefox", "131.0", "Windows", "10"),
    ("1Password for Web", "1787", "Safari", "18.0", "MacOSX", "10.15.7"),
    ("1Password CLI", "2300001", "ci-runner-3", "arm64", "Linux", "5.15.0"),
    ("1Password SCIM Bridge", "20904", "scim-bridge-6d5f", None, "Linux", None),
    ("1Password SDK", "0010301", "", "", "linux", ""),
    ("1Password Connect", "10703", None, None, None, None),
)
_CLIENT_KEYS: Final = (
    "app_name",
    "app_version",
    "platform_name",
    "platform_version",
    "os_name",
    "os_version",
)

_NOTES: Final = (
    "Shared \u2013 Finance & Accounting",
    (
        "Q3 access review, approved by the security team; ticket SEC-20418 has the list of vaults and of people, and "
        "who asked for each of the changes. To be looked at again before the end of the year, then every six months."
    ),
    (
        "line one: moved from the old account during the merger\nline two:\tkept for seven years, as the law asks\n"
        "line three: owner is Platform Security, deputy is the service desk; see the runbook, chapter 4, for the rest"
    ),
    (
        "Kundendaten (Übergabe) “final” v2; siehe Freigabe vom 12. Mai, Anhang 3, Abschnitt „Zugriff“; Rückfragen "
        "bitte an die Informationssicherheit, nicht an die Fachabteilung, und nur verschlüsselt; Löschfrist 10 Jahre"
    ),
    "財務部の共有保管庫。四半期ごとに情報システム部が利用者と権限を確認し、不要な権限は翌営業日までに取り消すこと。",
    "خزنة مشتركة لفريق المالية، تراجع الصلاحيات كل ثلاثة أشهر من قبل فريق أمن المعلومات",
    (
        "terraform-provider-onepassword/2.1.2 (+https://example.com/pipelines/deploy-production/runs/88123) go/1.23.2 "
        "linux/amd64 ci=true; requested-by=release-bot; change=CHG0031337; approved-by=2; dry-run=false; attempt=1"
    ),
    "🔑 rotated",
    "",
)


def is_service(number: int) -> bool:
    """Whether the person of this number is a service account."""
    return number % 13 == 12


def _mailbox(number: int, name: str) -> str:
    words = name.lower().split()
    plain = all(word.isascii() and word.isalpha() for word in words)
    return f"{'.'.join(words) if plain else f'user{number}'}@{DOMAIN}"


def encode(value: object, *, ascii_only: bool = False) -> str:
    """Compact JSON as Go's encoder writes it: raw UTF-8, but ``<``, ``>`` and ``&`` escaped."""
    text = json.dumps(value, ensure_ascii=ascii_only, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


class Person(NamedTuple):
    """One user of the account, in every shape in which the API shows users."""

    uuid: str
    details: str  # object_details, aux_details
    users: tuple[str, ...]  # target_user, user
    actors: tuple[str, ...]  # actor_uuid to account_uuid of an audit event, one text


class Place(NamedTuple):
    """A location in its shapes, each with its leading comma; absent and null ones included."""

    country: str
    code: str
    continent: str
    locations: tuple[str, ...]


class Whereabouts(NamedTuple):
    """Where somebody is, with what they use there and the addresses that they have there."""

    place: Place
    clients: tuple[str, ...]
    addresses: tuple[str, ...]


class Directory:
    """The people, places, clients, vaults and items of one account, the same for the same seed."""

    def __init__(self, seed: int, account_uuid: str) -> None:
        self._random = random.Random(f"directory {seed}")
        self.account_uuid = account_uuid
        partner = self.uuid(UPPER)
        self.people = tuple(self._person(number, name, partner) for number, name in enumerate(_PEOPLE))
        self.places = tuple(_place(row) for row in _PLACES)
        self.clients = tuple(_client(row) for row in _CLIENTS)
        self.addresses = tuple(self._address(number) for number in range(512))
        self.vaults = tuple(self.uuid(LOWER) for _ in range(64))
        self.items = tuple(self.uuid(LOWER) for _ in range(4096))
        self.groups = tuple(self.uuid(LOWER) for _ in range(32))
        self.devices = tuple(tuple(self.uuid(LOWER) for _ in range(6)) for _ in _PEOPLE)
        self.sessions = tuple(tuple(self.uuid(UPPER) for _ in range(24)) for _ in _PEOPLE)
        self.notes = tuple(encode(note) for note in _NOTES)
        self.homes = tuple(self._home(number) for number in range(len(_PEOPLE)))
        self.elsewhere = tuple(Whereabouts(place, self.clients, self.addresses) for place in self.places)

    def uuid(self, alphabet: bytes) -> str:
        """26 letters of base32, as 1Password's identifiers are; not RFC 4122."""
        return self._random.randbytes(26).translate(alphabet).decode()

    def _person(self, number: int, name: str, partner: str) -> Person:
        uuid = self.uuid(UPPER)
        service = is_service(number)
        mailbox = f"{self.uuid(LOWER)[:13]}@1passwordserviceaccounts.com" if service else _mailbox(number, name)
        details = {"uuid": uuid, "name": name, "email": mailbox}
        # One writer in eight escapes everything beyond ASCII: both spellings are the same JSON.
        ascii_only = number % 8 == 7
        guest = number % 16 == 5
        kind = "external_user" if guest else "user"
        home = partner if guest else self.account_uuid
        whole = {**details, "user_type": kind, "user_account_uuid": home}
        users = (
            whole,
            whole,
            whole,
            {**details, "user_type": kind},
            details,
            {**whole, "user_account_uuid": None},
        )
        shown = {"actor_uuid": uuid, "actor_details": details, "actor_type": kind, "actor_account_uuid": home}
        account = {"account_uuid": self.account_uuid}
        actors = (
            *({**shown, **account},) * 9,
            {"actor_uuid": uuid, "actor_type": kind, **account},
            {**shown, "actor_details": None, "actor_account_uuid": None, **account},
            {"actor_uuid": uuid, "actor_details": details},
        )
        return Person(
            uuid,
            encode(details, ascii_only=ascii_only),
            tuple(encode(user, ascii_only=ascii_only) for user in users),
            tuple(encode(actor, ascii_only=ascii_only)[1:-1] for actor in actors),
        )

    def _home(self, number: int) -> Whereabouts:
        """Settle a person, with a computer, a telephone and a browser, or a service account, with two programs."""
        if is_service(number):
            kinds = [8 + number % 4, 8 + (number + 1) % 4]
        else:
            kinds = [self._random.choice(kind) for kind in (range(3), range(3, 5), range(5, 8))]
        clients = tuple(self.clients[kind] for kind in kinds)
        return Whereabouts(self._random.choice(self.places), clients, tuple(self._random.sample(self.addresses, 3)))

    def _address(self, number: int) -> str:
        if number % 4 == 3:
            return f"2001:db8:{self._random.randrange(1, 65536):x}::{self._random.randrange(1, 65536):x}"
        network = ("192.0.2", "198.51.100", "203.0.113")[number % 3]
        return f"{network}.{self._random.randrange(1, 255)}"


def _client(row: tuple[str | None, ...]) -> str:
    """A client up to the opening quote of its address, which differs from event to event."""
    return encode(dict(zip(_CLIENT_KEYS, row, strict=True)))[:-1] + ',"ip_address":"'


def _place(row: tuple[str, str, str, str, str, float, float]) -> Place:
    code, country, continent, region, city, latitude, longitude = row
    point = {"latitude": latitude, "longitude": longitude}
    # The API does not normalise country: captures show names as well as codes.
    named = encode({"country": country, "region": region, "city": city, **point})
    coded = encode({"country": code, "region": region, "city": city, **point})
    coarse = encode({"country": country, "region": region, "city": city})
    country_only = encode({"country": code, **point})
    shapes = (named, named, named, coded, coded, coarse, country_only, "null")
    return Place(country, code, continent, (*(f',"location":{shape}' for shape in shapes), "", ""))
