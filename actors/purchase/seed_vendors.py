"""Who delivers to a society in Pune, and what."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Trade:
    """A vendor of the seed.

    Parameters:
      pan_kind: fourth character of its PAN; empty: it has told none; `?`: of no known form.
      nature: as what its payments are taxed at source.
      credit_days: agreed in writing; None: nothing agreed.
      items: what it delivers, with the price of one and how many at least.
    """

    name: str
    pan_kind: str
    nature: str
    account: str
    msme_class: str
    credit_days: int | None
    registered: bool
    items: tuple[tuple[str, str, int], ...]

    def price(self, position: int) -> Decimal:
        return Decimal(self.items[position][1])


def _goods(name: str, kind: str, msme: str, days: int | None, *items: tuple[str, str, int]) -> Trade:
    return Trade(name, kind, "NONE", "52020", msme, days, True, items)


def _works(name: str, kind: str, msme: str, days: int | None, *items: tuple[str, str, int]) -> Trade:
    return Trade(name, kind, "CONTRACTOR", "52040", msme, days, kind != "P", items)


TRADES = (
    Trade("Swachh Facility Services Pvt. Ltd.", "C", "CONTRACTOR", "52010", "SMALL", 45, True,
          (("Housekeeping, man-days", "650.00", 60), ("Deep cleaning, floors", "145.00", 20))),
    Trade("Rakshak Security Services LLP", "F", "CONTRACTOR", "52030", "MEDIUM", 30, True,
          (("Guards, shifts", "780.00", 60),)),
    _goods("Deccan Cleaning Supplies", "P", "MICRO", None, ("Brooms", "42.00", 20), ("Phenyl, 5 l", "385.00", 20),
           ("Garbage bags, roll", "118.50", 40)),
    _works("Ganesh Plumbing Works", "P", "MICRO", None, ("Plumbing, hours", "350.00", 20), ("Valves", "240.00", 20)),
    _works("Apex Elevators Pvt. Ltd.", "C", "NONE", 30, ("Lift maintenance, hours", "620.00", 20)),
    Trade("Joshi & Kale, Chartered Accountants", "F", "PROFESSIONAL", "52050", "SMALL", 30, True,
          (("Accounting, hours", "900.00", 20),)),
    _works("Shree Painting Contractors", "", "NONE", None, ("Painting, sq ft", "18.50", 400)),
    Trade("Adv. Sunita Rao", "P", "PROFESSIONAL", "52050", "NONE", None, False,
          (("Legal advice, hours", "1500.00", 20),)),
    _goods("Bhosale Electricals", "P", "MICRO", 60, ("LED tubes", "212.00", 20), ("Cable, metres", "38.00", 100)),
    _works("Sahyadri Garden Care", "?", "MICRO", 15, ("Gardeners, days", "620.00", 20)),
    Trade("Netra CCTV Solutions Pvt. Ltd.", "C", "TECHNICAL", "52040", "SMALL", 30, True,
          (("CCTV service, cameras", "380.00", 20),)),
    _works("Mahalaxmi Water Tankers", "P", "NONE", 7, ("Water tankers", "1150.00", 20)),
    _goods("Pune Hardware Stores", "F", "SMALL", None, ("Padlocks", "265.00", 20), ("Paint, litres", "167.50", 40)),
    _works("Kadam & Sons (HUF)", "H", "NONE", None, ("Masonry, hours", "137.50", 40)),
    _works("Agni Fire Safety Pvt. Ltd.", "C", "SMALL", 45, ("Extinguisher refills", "475.00", 20)),
    _works("Powergen DG Services", "F", "MICRO", 30, ("Generator service, hours", "340.00", 20)),
    _goods("Hindustan Pool Chemicals", "C", "NONE", 30,
           ("Chlorine, kg", "96.00", 40), ("Filter sand, kg", "54.00", 40)),
    _works("Pest-Free Pune", "P", "MICRO", None, ("Pest control, flats", "140.00", 60)),
    Trade("Kulkarni Structural Consultants", "P", "PROFESSIONAL", "52050", "NONE", 30, True,
          (("Structural audit, hours", "950.00", 20),)),
    _works("Om Waste Management", "A", "SMALL", 30, ("Waste removal, trips", "1350.00", 20)),
    _goods("Sai Stationery Mart", "P", "MICRO", None, ("Paper, ream", "285.00", 20), ("Registers", "95.00", 20)),
    _works("Trimurti Fabricators", "F", "MICRO", 30, ("Railing, metres", "890.00", 20)),
    Trade("SolarOne Energy Pvt. Ltd.", "C", "TECHNICAL", "52040", "NONE", 30, True,
          (("Panel cleaning, panels", "65.00", 120),)),
    _goods("Lotus Uniforms", "P", "SMALL", 45, ("Uniforms", "1180.00", 20), ("Raincoats", "640.00", 20)),
    _works("Vighnaharta Civil Works Pvt. Ltd.", "C", "NONE", 45, ("Waterproofing, sq ft", "62.00", 800)),
)  # fmt: skip
"""Twenty-five; more vendors are these again under a number."""

WITHOUT_BANK = frozenset({4, 12, 17})
"""Places of vendors whose account nobody knows yet."""
