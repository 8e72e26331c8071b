"""Playout-cap randomisation: the settings of the short searches between full ones. When they are used is in `self_play.py`.

Source: arXiv:1902.10565, section 3.1.
"""

import msgspec

from muzero.config import SearchConfig, SelfPlayConfig, require


def fast_search_config(config: SelfPlayConfig, search_config: SearchConfig) -> SearchConfig | None:
    """Returns the settings of the searches of moves that are not searched in full, or None where all are.

    Raises:
        UserError: they are longer than full searches, whose hidden states and replies they share.
    """
    if config.full_search_fraction == 1.0:
        return None
    fast, full = config.fast_simulations, search_config.num_simulations
    require(
        fast <= full,
        f"self_play.fast_simulations is {fast}, more than search.num_simulations ({full}): set at most {full}, "
        "or self_play.full_search_fraction to 1.",
    )
    return msgspec.structs.replace(search_config, num_simulations=fast)
