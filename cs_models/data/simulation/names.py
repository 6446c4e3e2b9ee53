"""Names of customers that nobody could take for real ones: a colour, an animal, a trade."""

from __future__ import annotations

from itertools import product

import numpy as np

_COLOURS = (
    "Amber Ashen Azure Brass Bronze Cobalt Copper Coral Crimson Dusky Ebony Emerald Fawn Frosted "
    "Gilded Hazel Indigo Ivory Jade Khaki Lilac Lime Maroon Mauve Mossy Ochre Olive Opal Pearl "
    "Plum Rosy Russet Saffron Scarlet Sepia Silver Tawny Teal Umber Velvet"
)
_ANIMALS = (
    "Alpaca Badger Beaver Bison Bittern Caribou Civet Cormorant Crane Curlew Dormouse Egret Ermine "
    "Finch Gannet Gecko Gopher Grouse Heron Ibis Jackdaw Kestrel Lapwing Lemur Lynx Magpie Marmot "
    "Marten Newt Ocelot Otter Pelican Plover Puffin Quail Sandpiper Stoat Tapir Vole Wombat"
)
_TRADES = (
    "Acoustics Almanacs Archives Bakeries Barges Basketry Beacons Bindery Botanics Bridges "
    "Cartography Cider Clockworks Confections Cordage Dyeworks Ferries Foundry Glassworks "
    "Granaries Horology Kilns Lanterns Lighthouses Looms Millinery Orchards Papermill Pottery "
    "Saddlery Sailmakers Signposts Stationery Tanneries Teahouses Telescopes Tinsmiths Toymakers "
    "Vineyards Weathervanes"
)


def companies(n: int, rng: np.random.Generator) -> list[str]:
    """Return `n` different invented names; beyond 64,000 they carry a number."""
    lists = (_COLOURS.split(), _ANIMALS.split(), _TRADES.split())
    every = [" ".join(words) for words in product(*lists)]
    order = rng.permutation(len(every))
    chosen = [every[order[i % len(every)]] for i in range(n)]
    return [
        name if i < len(every) else f"{name} {i // len(every) + 1}" for i, name in enumerate(chosen)
    ]
