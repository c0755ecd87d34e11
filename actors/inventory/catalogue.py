"""What a society's store keeps: the items of the seed."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Kept:
    """An item of the seed.

    Parameters:
      price: Rupees for one, at the year's start.
      daily: Used a day, on average.
      shelf_days: From delivery to the last day of use; None for what keeps.
      nrv: Rupees for one, for what the society sells on.
    """

    code: str
    name: str
    category: str
    unit: str
    price: Decimal
    daily: Decimal
    pack: int
    shelf_days: int | None = None
    nrv: Decimal | None = None


def _kept(line: str) -> Kept:
    code, name, category, unit, price, daily, pack, *rest = (part.strip() for part in line.split("|"))
    shelf, nrv = [*rest, "", ""][:2]
    return Kept(
        code,
        name,
        category,
        unit,
        Decimal(price),
        Decimal(daily),
        int(pack),
        int(shelf) if shelf else None,
        Decimal(nrv) if nrv else None,
    )


_LINES = """
HK-001 | Phenyl, white             | Housekeeping | LTR  | 42.00    | 3.2  | 5   | 365
HK-002 | Toilet cleaner            | Housekeeping | LTR  | 78.50    | 1.4  | 5   | 365
HK-003 | Floor cleaner, pine       | Housekeeping | LTR  | 64.00    | 2.1  | 5   | 365
HK-004 | Glass cleaner             | Housekeeping | LTR  | 92.00    | 0.4  | 5   | 365
HK-005 | Bleaching powder          | Housekeeping | KG   | 38.00    | 1.1  | 25  | 120
HK-006 | Hand wash refill          | Housekeeping | LTR  | 110.00   | 0.6  | 5   | 540
HK-007 | Garbage bags, large       | Housekeeping | PKT  | 145.00   | 1.5  | 20
HK-008 | Garbage bags, small       | Housekeeping | PKT  | 68.00    | 2.0  | 20
HK-009 | Broom, grass              | Housekeeping | NOS  | 85.00    | 0.3  | 6
HK-010 | Broom, coconut            | Housekeeping | NOS  | 60.00    | 0.3  | 6
HK-011 | Mop refill                | Housekeeping | NOS  | 120.00   | 0.5  | 6
HK-012 | Wiper, 24 inch            | Housekeeping | NOS  | 165.00   | 0.1  | 3
HK-013 | Scrubbing pad             | Housekeeping | NOS  | 12.00    | 1.2  | 24
HK-014 | Microfibre cloth          | Housekeeping | NOS  | 48.00    | 0.6  | 12
HK-015 | Rubber gloves             | Housekeeping | PAIR | 55.00    | 0.8  | 12
HK-016 | Naphthalene balls         | Housekeeping | KG   | 210.00   | 0.1  | 1   | 540
HK-017 | Room freshener            | Housekeeping | NOS  | 155.00   | 0.2  | 6   | 720
HK-018 | Bucket, 20 litre          | Housekeeping | NOS  | 240.00   | 0.03 | 2
HK-019 | Detergent powder          | Housekeeping | KG   | 72.00    | 0.7  | 5   | 720
HK-020 | Toilet roll               | Housekeeping | ROLL | 28.00    | 1.0  | 48
EL-001 | LED lamp, 9 W             | Electrical   | NOS  | 95.00    | 0.8  | 10
EL-002 | LED batten, 20 W          | Electrical   | NOS  | 285.00   | 0.3  | 10
EL-003 | Street light, 45 W        | Electrical   | NOS  | 1450.00  | 0.05 | 2
EL-004 | Copper wire, 1.5 sq mm    | Electrical   | MTR  | 21.50    | 4.0  | 90
EL-005 | Copper wire, 2.5 sq mm    | Electrical   | MTR  | 34.00    | 2.0  | 90
EL-006 | MCB, 16 A                 | Electrical   | NOS  | 180.00   | 0.1  | 6
EL-007 | MCB, 32 A                 | Electrical   | NOS  | 215.00   | 0.06 | 6
EL-008 | Insulation tape           | Electrical   | ROLL | 14.00    | 0.6  | 20  | 900
EL-009 | Switch, 6 A               | Electrical   | NOS  | 38.00    | 0.3  | 20
EL-010 | Socket, 16 A              | Electrical   | NOS  | 92.00    | 0.15 | 10
EL-011 | Contactor, 3 pole         | Electrical   | NOS  | 2150.00  | 0.01 | 1
EL-012 | Battery, intercom         | Electrical   | NOS  | 640.00   | 0.05 | 2   | 540
PL-001 | Tap, half inch            | Plumbing     | NOS  | 320.00   | 0.2  | 5
PL-002 | Ball valve, one inch      | Plumbing     | NOS  | 410.00   | 0.08 | 3
PL-003 | Float valve               | Plumbing     | NOS  | 520.00   | 0.04 | 2
PL-004 | CPVC pipe, one inch       | Plumbing     | MTR  | 118.00   | 1.2  | 15
PL-005 | CPVC elbow, one inch      | Plumbing     | NOS  | 26.00    | 0.8  | 25
PL-006 | CPVC solvent              | Plumbing     | NOS  | 165.00   | 0.1  | 4   | 365
PL-007 | Thread seal tape          | Plumbing     | ROLL | 18.00    | 0.5  | 20
PL-008 | Flush valve kit           | Plumbing     | SET  | 385.00   | 0.1  | 2
PL-009 | Pump seal                 | Plumbing     | SET  | 890.00   | 0.03 | 1
PL-010 | Pump grease               | Plumbing     | KG   | 420.00   | 0.08 | 1   | 720
WT-001 | Sodium hypochlorite       | Water        | LTR  | 24.00    | 6.5  | 35  | 60
WT-002 | Pool chlorine             | Water        | KG   | 185.00   | 1.1  | 25  | 180
WT-003 | Alum                      | Water        | KG   | 32.00    | 1.5  | 25  | 365
WT-004 | Pool pH reagent           | Water        | NOS  | 350.00   | 0.05 | 2   | 180
WT-005 | Softener salt             | Water        | KG   | 19.00    | 8.0  | 50
WT-006 | RO membrane               | Water        | NOS  | 2850.00  | 0.01 | 1   | 900
GD-001 | Urea                      | Garden       | KG   | 12.50    | 0.6  | 45  | 365
GD-002 | Vermicompost              | Garden       | KG   | 16.00    | 3.0  | 50  | 365
GD-003 | Neem oil                  | Garden       | LTR  | 380.00   | 0.1  | 1   | 365
GD-004 | Garden hose               | Garden       | MTR  | 62.00    | 0.2  | 30
SF-001 | Fire extinguisher, ABC    | Safety       | NOS  | 2400.00  | 0.01 | 1   | 365
SF-002 | First aid kit             | Safety       | SET  | 780.00   | 0.02 | 1   | 540
SF-003 | Mask, three ply           | Safety       | PKT  | 95.00    | 0.2  | 10  | 900
SF-004 | Guard torch               | Safety       | NOS  | 460.00   | 0.02 | 2
ST-001 | Visitor register          | Stationery   | NOS  | 140.00   | 0.1  | 10
ST-002 | Copier paper, A4          | Stationery   | PKT  | 265.00   | 0.15 | 5
SC-001 | Pipe ends for sale        | For sale     | KG   | 58.00    | 0.2  | 10  |     | 46.00
SC-002 | Old lamp holders for sale | For sale     | NOS  | 22.00    | 0.1  | 10  |     | 25.00
"""

CATALOGUE = tuple(_kept(line) for line in _LINES.strip().splitlines())
"""Sixty items of a society of 240 flats."""

WITHOUT_TERMS = "SF-004"
"""Nobody has entered its lead time yet."""
