"""The same tests under another option: $POP3FS_TEST_OPTIONS ("nocache", or "pipelining=off,prefetch=0") is given to each
mount and each driver of a test that does not set that option itself. `contrib/variants` runs them all so.

What a test can only show without such an option is left out under it, and the reason stands here.
"""

import os

VARIANTS = ("nocache", "pipelining=off", "prefetch=0")

# {option: {file: {test, "test[row" for those rows of it, or "" for all of the file: why not}}}
CACHED = "it is about what the cache keeps"
AGAIN = "it reads, without the server, what was read before"
ONCE = "it counts what comes once, and then from the cache"
BREATH = "it is about commands that go out together"
KEPT = "it is about headers that are kept"
LEFT_OUT = {
    "nocache": {
        "session/test_cut.py": {"test_a_pulled_plug_and_a_server_that_is_down_for_a_while": AGAIN},
        "session/test_listing.py": {
            "test_without_uidls_messages_are_named_after_their_headers": ONCE,
            "test_a_mount_of_a_maildrop_that_lost_most_shows_what_it_knew": AGAIN,
        },
        "session/test_waiting.py": {
            "test_a_signal_ends_the_reader": AGAIN,
            "test_twenty_readers_hold_nobody_up": AGAIN,
        },
        "mount/test_attributes.py": {
            "test_attributes_and_times_are_those_that_python_reads": KEPT,
            "test_what_changes_answers_when_it_is_named": CACHED,
            "test_a_header_that_came_later_is_not_listed": KEPT,
            "test_a_header_without_a_date_was_learnt_all_the_same": KEPT,
            "test_who_asks_wrongly_is_told": KEPT,
            "test_copies_over_three_mounts_are_the_same_and_the_second_moves_nothing": ONCE,
        },
        "mount/test_cache.py": {
            "test_a_message_that_is_open_stays_readable": CACHED,
            "test_what_is_deleted_and_waits_stays_readable": CACHED,
            "test_a_smaller_cache_is_made_so_at_the_next_mount": CACHED,
            "test_bodies_of_vanished_messages_go_after_their_days": CACHED,
            "test_nocache_uses_what_is_there": CACHED,
            "test_a_header_stays_when_its_body_leaves": CACHED,
            "test_the_cache_stays_within_its_size_and_all_is_read": CACHED,
            "test_on_a_full_disk_messages_are_read_and_deleted": CACHED,
            "test_what_was_used_last_stays": CACHED,
        },
        "mount/test_fetch.py": {"": CACHED},
        "mount/test_header_files.py": {
            "test_headers_learnt_at_the_listing_cost_nothing": KEPT,
            "test_a_header_not_yet_learnt_is_brought_by_top_at_open": KEPT,
            "test_headers_of_any_length": KEPT,
        },
        "mount/test_hostile.py": {
            "test_hostile[all-messages-gone-later": AGAIN,
            "test_hostile[most-messages-gone-later": AGAIN,
        },
        "mount/test_kernel.py": {
            "test_readers_race_while_the_kernel_forgets": ONCE,
            "test_what_the_kernel_forgets_it_is_told_again": ONCE,
            "test_many_readers_at_once_see_the_same": ONCE,
            "test_a_size_is_true_from_the_open_on_though_it_came_by_itself": CACHED,
            "test_what_is_pushed_is_what_would_have_been_read": CACHED,
            "test_what_vanishes_while_it_is_pushed_is_gone_or_whole": CACHED,
            "test_large_ones_are_there_before_they_are_read_and_no_more_than_the_bound": CACHED,
            "test_nobody_who_asks_for_none_ahead_has_them": CACHED,
            "test_a_large_one_that_goes_while_it_is_pushed_is_read_to_its_end_or_gone": CACHED,
            "test_readers_of_large_ones_race_while_the_kernel_forgets": CACHED,
        },
        "mount/test_memory.py": {"test_a_huge_message": "what is open is in memory, as much as memory= says"},
        "mount/test_octets.py": {"test_each_message_is_fetched_once": ONCE},
        "mount/test_offline.py": {
            "test_offline_mounts_what_is_stored": AGAIN,
            "test_offline_deletions_wait_for_the_server": AGAIN,
            "test_a_server_lost_in_the_middle": AGAIN,
        },
        "mount/test_sandbox.py": {"test_charsets_are_loaded_when_they_come": KEPT},
        "mount/test_tokens.py": {"test_offline_needs_no_token": AGAIN},
        "mount/test_verify.py": {"": CACHED},
        "mount/test_views.py": {
            "test_line_ends_may_change_from_mount_to_mount": ONCE,
            "test_a_suffix_stands_behind_all_names_and_collides_with_none": CACHED,
        },
    },
    "pipelining": {
        "session/test_remembered.py": {
            "test_and_asks_for_the_listing_in_the_same_breath": BREATH,
            "test_one_that_takes_one_command_at_a_time_now_is_asked_so": BREATH,
        },
        "mount/test_mirror.py": {"test_the_first_message_comes_with_the_listing": BREATH},
    },
    "prefetch": {
        "mount/test_hostile.py": {"test_the_rows_see_windows_where_they_may": "what one reader opens is no window"},
    },
}


def given():
    """{option: value, or True} of the environment."""
    words = filter(None, os.environ.get("POP3FS_TEST_OPTIONS", "").split(","))
    return {name: value if sign else True for name, sign, value in (word.partition("=") for word in words)}


# {option: (another, its value)}: the two together are refused, and the test's own one counts.
CONTRARY = {"nocache": ("prefetch", "all")}


def add(options):
    """Adds them where the test says nothing of them."""
    for name, value in given().items():
        other, refused = CONTRARY.get(name, ("", None))
        if options.get(other, "") != refused:
            options.setdefault(name, value)


def is_meant(key, test):
    """Whether a key of the table means this test."""
    return not key or test == key or test.startswith(key + ("-" if "[" in key else "["))


def why_not(file, test):
    """Why a test, "test_this" or "test_this[row-more]", makes no sense under the options given; "" if it does."""
    for name in given():
        for key, reason in LEFT_OUT[name].get(file, {}).items():
            if is_meant(key, test):
                return f"{name}: {reason}"
    return ""
