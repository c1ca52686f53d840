"""The account of the catalogues of privacy and of determinism: each row, and the test that proves it.

Where the methods, the architecture or the question itself decide otherwise, the row says so and why.
"""

from __future__ import annotations

import ast
import functools
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

TESTS = Path(__file__).parent


@dataclass(frozen=True)
class Row:
    """A row of a catalogue in own words, the tests that prove it, and what of it is decided otherwise."""

    says: str
    tests: tuple[str, ...] = ()  # file::name
    otherwise: str = ""


PROMISES, CANARY, QUIET, ATTACKS = "test_promises.py", "test_canary.py", "test_no_network.py", "test_attacks.py"
DISCLOSE, WARNINGS, IN_TIME = (f"disclosure/test_{name}.py" for name in ("disclose", "warnings", "time_counts"))
ATOMIC, KILLED, PUBLISH = (f"report/test_{name}.py" for name in ("atomicity", "killed", "publish"))
KEYED, TRAIL, INJECTION = (f"report/test_{name}.py" for name in ("keyed_rows", "audit_trail", "injection"))
STRUCTURE, CELLS_TOLD = "bad_inputs/test_structure.py", "bad_inputs/test_no_value_is_told.py"
EXAMPLES, AT_SIZE = "studies/test_determinism_of_examples.py", "studies/test_determinism_at_size.py"
OUTPUTS, TAMPERING, LOCK, CLI = (
    "commands/test_outputs.py",
    "commands/test_tampering.py",
    "commands/test_lock.py",
    "test_cli.py",
)
READ, EXPRESSION, STUDIES = "protocol/test_read.py", "protocol/test_expression.py", "properties/test_studies.py"

PRIVACY = {
    "disclosure: rules": Row(
        "CMS hides 1 to 10, NHS 1 to 7 and rounds to 5, a number is the smallest count; zeros stay",
        (f"{PROMISES}::test_a_rule_by_its_name", f"{DISCLOSE}::test_a_zero_is_shown"),
        "the question names off, cms, nhs and a number; ACRO's and sdcLog's dominance rules are no option",
    ),
    "disclosure: default": Row(
        "on for what is shared",
        (f"{DISCLOSE}::test_nothing_is_suppressed_by_default",),
        'the question names "off" first, and defaults stand first; who shares declares a rule',
    ),
    "disclosure: attrition": Row(
        "left-out cases are counts too", (f"{ATTACKS}::test_no_small_count_leaves_in_any_file",)
    ),
    "disclosure: derived": Row(
        "nothing from which a hidden count follows: percentages, totals, matched against unmatched, texts",
        (
            f"{DISCLOSE}::test_what_is_calculated_from_a_hidden_count_goes_with_it",
            f"{DISCLOSE}::test_no_response_can_be_told_from_what_is_left",
            f"{DISCLOSE}::test_a_hidden_level_takes_a_second_with_it",
            f"{ATTACKS}::test_no_small_count_of_outcomes_leaves",
            "design/test_matched_sets_edge.py::test_small_cells_stay_hidden",
            "analyses/test_pooling.py::test_no_small_count_is_left_among_pooled_ones",
        ),
    ),
    "disclosure: warnings": Row(
        "no warning counts few patients or quotes what is hidden",
        (
            f"{WARNINGS}::test_a_share_of_an_arm_is_never_told",
            f"{WARNINGS}::test_what_a_warning_quotes_goes_with_what_is_hidden",
            f"{WARNINGS}::test_words_without_their_number",
        ),
    ),
    "disclosure: single patients": Row(
        "extremes, censor marks, few at risk, bars of scores",
        (
            f"{DISCLOSE}::test_curves_end_before_few_are_at_risk",
            f"{ATTACKS}::test_columns_of_curves_hold_no_small_bars",
            f"{IN_TIME}::test_residuals_are_dropped_and_their_smooth_is_cut_at_both_ends",
            f"{IN_TIME}::test_small_pieces_and_landmarks_go_as_a_whole",
        ),
        "nested rows of adverse events can tell their difference, as docs/disclosure.md says",
    ),
    "disclosure: figures": Row(
        "no vector coordinates of single patients: curves are drawn in wide steps",
        (f"{DISCLOSE}::test_curves_end_before_few_are_at_risk",),
    ),
    "disclosure: files": Row(
        "sizes of small files", (f"{DISCLOSE}::test_rows_of_a_small_hospitals_file_are_not_told",)
    ),
    "export: no dates": Row(
        "days from time zero in place of dates, or one secret shift a patient",
        (f"{CANARY}::test_patient_rows_stand_in_their_own_file_alone",),
        "no date is ever exported, so that there is nothing to shift; ages stand in no row either",
    ),
    "export: keyed hashes": Row(
        "HMAC-SHA256 of keys, key file of mode 0600, nothing of it in any output",
        (
            f"{KEYED}::test_the_hash_is_that_of_rfc_4231",
            f"{KEYED}::test_neither_secret_nor_key_is_written",
            f"{KEYED}::test_a_secret_that_is_none_is_refused_before_anything_is_read",
        ),
    ),
    "export: order": Row(
        "rows and pairs in the order of the hashes",
        (
            f"{KEYED}::test_rows_stand_under_hashed_keys_in_their_order",
            f"{KEYED}::test_rows_do_not_depend_on_the_order_of_the_file",
        ),
    ),
    "export: free text": Row(
        "dropped", (f"{CANARY}::test_patient_rows_stand_in_their_own_file_alone",), "rows have fixed fields"
    ),
    "export: k-anonymity": Row(
        "a report on quasi-identifiers",
        otherwise="no covariate is exported; scores and times are for those who hold the data, and suppression forbids them",
    ),
    "leaks: canary": Row(
        "every command, forced failures, everything unpacked, temporary files",
        (
            f"{CANARY}::test_no_command_tells_a_patients_value",
            f"{CANARY}::test_an_error_in_any_room_tells_no_value",
            f"{CANARY}::test_an_error_in_any_analysis_tells_no_value",
            f"{CANARY}::test_a_run_that_is_killed_leaves_no_value",
            f"{CANARY}::test_what_is_looked_for_would_be_found",
        ),
        "messages to those who hold the data name file, sheet and patient key, as the catalogue of bad inputs asks",
    ),
    "leaks: messages": Row(
        "no cell in a message, a query or a list of problems",
        (
            f"{CELLS_TOLD}::test_no_message_of_any_case_has_a_value_of_any_fixture",
            f"{CELLS_TOLD}::test_no_query_has_a_value_of_any_fixture",
            f"{PROMISES}::test_a_list_of_problems_for_machines",
        ),
    ),
    "leaks: tracebacks": Row("places alone", (f"{CLI}::test_an_internal_error_shows_places_and_no_data",)),
    "leaks: network": Row(
        "no connection, watched from within, from the system and without a network",
        (
            f"{QUIET}::test_no_command_opens_a_connection_or_starts_another_program",
            f"{QUIET}::test_the_system_sees_no_connection_either",
            f"{QUIET}::test_every_command_works_without_a_network",
            f"{PUBLISH}::test_the_page_fetches_nothing_and_quotes_rows_that_exist",
        ),
        "the page's one script, which shows values of curves, is allowed by its hash",
    ),
    "leaks: files": Row(
        "files for their owner, temporary ones beside the output, cleared up after a crash; no core file; no path of home",
        (
            f"{PROMISES}::test_every_command_writes_for_the_owner_alone",
            f"{PROMISES}::test_a_crash_writes_no_copy_of_the_memory",
            f"{CANARY}::test_no_command_tells_a_patients_value",
            f"{ATTACKS}::test_what_a_killed_run_left_is_cleared_and_an_old_output_comes_back",
            f"{KILLED}::test_a_run_that_is_terminated_clears_up",
        ),
    ),
    "hostile: protocol": Row(
        "unknown and repeated keys, nesting, size",
        (
            f"{READ}::test_a_mistake_has_place_and_remedy",
            f"{READ}::test_a_file_that_is_no_protocol",
            f"{ATTACKS}::test_a_protocol_that_cannot_be_meant_is_refused",
            "fuzz/test_fuzz_protocol.py::test_any_text",
        ),
        "TOML has no aliases to expand",
    ),
    "hostile: expressions": Row(
        "own grammar, bounded depth and length, three-valued, never evaluated as code",
        (
            f"{EXPRESSION}::test_and_or_follow_kleene",
            f"{EXPRESSION}::test_a_held_cell_is_neither_missing_nor_there",
            f"{EXPRESSION}::test_any_text_is_read_or_refused_with_a_place",
            "fuzz/test_fuzz_expression.py::test_what_is_wrong_is_refused_at_its_place",
            "cohort/test_cohort.py::test_unknown_follows_the_protocol",
            f"{QUIET}::test_no_module_imports_a_network_or_a_pickle",
        ),
        "a criterion says itself what unknown does (if_missing); it is never silently false",
    ),
    "hostile: pickle": Row("nowhere", (f"{QUIET}::test_no_module_imports_a_network_or_a_pickle",)),
    "hostile: workbooks": Row(
        "bombs, nested archives, foreign parts, entities: refused at once, in little memory",
        (
            f"{STRUCTURE}::test_case_77_a_workbook_that_is_refused_at_once",
            f"{PROMISES}::test_a_bomb_takes_little_memory",
            f"{ATTACKS}::test_a_stray_cell_in_the_last_corner_of_a_sheet_is_refused",
            "fuzz/test_fuzz_files.py::test_a_damaged_workbook",
        ),
    ),
    "hostile: spreadsheets": Row(
        "no cell of an export starts a formula, numbers stay numbers, quoting survives a round trip",
        (
            f"{INJECTION}::test_csv_cells_start_no_formula",
            f"{INJECTION}::test_query_workbooks_hold_texts_alone",
            f"{KEYED}::test_texts_that_a_spreadsheet_would_calculate_are_escaped",
            f"{PUBLISH}::test_tables_equal_the_ledger",
        ),
    ),
    "hostile: documents": Row(
        "labels are text in pages, pictures, Word and PDF",
        (
            f"{INJECTION}::test_no_page_has_a_script_or_a_handler_of_a_label",
            f"{INJECTION}::test_pictures_are_pictures",
            f"{INJECTION}::test_word_files_are_well_formed_and_refer_to_nothing_outside",
            f"{INJECTION}::test_pdf_shows_labels_and_obeys_none",
            f"{INJECTION}::test_a_label_that_cannot_be_shown_is_refused",
        ),
        "file names come from the protocol's names, whose letters are restricted, and not from labels",
    ),
    "hostile: paths": Row(
        "inside the protocol's folder, no links, no devices; an output is new, or an earlier one",
        (
            f"{STRUCTURE}::test_case_81_a_path_that_leaves_the_folder",
            f"{STRUCTURE}::test_case_81_a_symbolic_link",
            f"{PROMISES}::test_a_pipe_in_the_place_of_a_file_is_refused",
            f"{ATTACKS}::test_a_foreign_folder_with_a_manifest_is_not_replaced",
        ),
    ),
    "hostile: local page": Row("a server", otherwise="there is none: reports are files"),
    "supply": Row(
        "importing does nothing",
        (f"{QUIET}::test_nothing_happens_when_the_package_is_imported",),
        "versions are pinned by a plain constraints file where a pin is needed; audits are the installer's",
    ),
    "audit trail": Row(
        "a chain of hashes: version, protocol, step, rule, counts; an edit, a loss and a move are found",
        (
            f"{TRAIL}::test_every_step_says_how_many_it_left",
            f"{TRAIL}::test_a_change_of_the_trail_is_found_whatever_the_manifest_says",
            f"{TRAIL}::test_an_end_that_was_taken_off_is_found_by_the_manifest",
            f"{TRAIL}::test_suppressed_counts_are_not_in_the_trail",
            f"{TAMPERING}::test_every_way_to_touch_a_lock_is_found",
        ),
        "who and when would change the bytes of a run; the lock says when a design was frozen and amended",
    ),
}

DETERMINISM = {
    "1 bytes": Row(
        "the same whatever process, hash seed, zone, language, folder, threads, order of rows and columns, time and user",
        (
            f"{PUBLISH}::test_two_runs_give_the_same_bytes",
            f"{EXAMPLES}::test_an_example_gives_the_same_bytes_everywhere",
            f"{AT_SIZE}::test_the_same_patients_give_the_same_bytes",
            f"{STUDIES}::test_rows_and_columns_may_come_in_any_order",
            f"{PROMISES}::test_neither_time_of_the_file_nor_user_nor_home_changes_a_byte",
            f"{PROMISES}::test_documents_of_dirty_records_do_not_depend_on_the_order_of_rows_and_columns",
        ),
        "the ledger stores 12 digits, and other machines agree to 10: no second rounding; pandas is not used",
    ),
    "2 sums": Row(
        "in fixed order, scores rounded, noise moves no pair",
        (
            "statistics/test_blocks.py::test_bytes_do_not_depend_on_the_number_of_threads",
            "statistics/test_logistic.py::test_equal_rows_get_equal_bits",
            "statistics/test_nearest_neighbour.py::test_cohortmethod_120_keys_break_ties_so_that_row_order_does_not",
            f"{PROMISES}::test_noise_in_the_scores_moves_no_pair",
        ),
    ),
    "3 chance": Row(
        "streams by name of the step; what is added changes no other draw; a seed where one is needed",
        (
            f"{PROMISES}::test_what_is_added_to_a_study_changes_no_draw_of_the_rest",
            "statistics/test_chained_equations.py::test_an_imputation_depends_on_its_own_generator_only",
            "studies/test_bootstrap.py::test_resamples_need_a_seed",
        ),
        "a warning of a large Monte Carlo error over seeds is not made; the spread between imputations is in the ledger",
    ),
    "4 artefacts": Row(
        "no time, no salt and no software in files",
        (
            "report/test_documents.py::test_documents_have_the_same_bytes_twice",
            f"{PUBLISH}::test_two_runs_give_the_same_bytes",
            "commands/test_queries.py::test_the_same_questions_give_the_same_bytes",
        ),
    ),
    "5 publishing": Row(
        "whole or not at all: a fault at every change, a full disk, signals at random instants, two runs at once",
        (
            f"{ATOMIC}::test_a_failure_at_any_change_of_a_file",
            f"{ATOMIC}::test_a_disk_that_is_full_from_any_moment_on",
            f"{ATOMIC}::test_what_cannot_be_stored_is_not_published",
            f"{ATOMIC}::test_two_runs_do_not_write_one_folder_at_once",
            f"{ATOMIC}::test_a_lock_and_a_starter_are_written_whole_or_not_at_all",
            f"{KILLED}::test_a_run_that_ends_at_any_instant",
            f"{KILLED}::test_a_disk_that_is_full",
            f"{PROMISES}::test_queries_that_were_interrupted_go_on",
        ),
        "the system's own file lock takes the place of a stale lock file; outputs are made beside their place",
    ),
    "6 isolation": Row(
        "an analysis or a figure that fails is named and harms no other; a primary one publishes nothing",
        (
            f"{PUBLISH}::test_an_analysis_that_fails_is_named_and_harms_no_other",
            f"{PUBLISH}::test_a_figure_that_fails_is_named_and_harms_no_other",
            f"{PUBLISH}::test_a_primary_analysis_that_fails_publishes_nothing",
            f"{ATOMIC}::test_a_document_that_fails_is_named_in_the_others",
        ),
    ),
    "7 exit codes": Row(
        "fixed, and problems for machines by rule, column and rows",
        (
            f"{CLI}::test_bad_input_is_refused_with_place_and_remedy",
            f"{CLI}::test_a_primary_analysis_that_is_not_estimable_is_published_with_its_reason",
            f"{KILLED}::test_exit_codes_are_true_when_nobody_reads",
            f"{PROMISES}::test_a_list_of_problems_for_machines",
            f"{PROMISES}::test_what_cannot_be_read_is_in_the_list_by_its_rule",
            f"{PROMISES}::test_every_refusal_of_a_file_has_a_rule",
            f"{PROMISES}::test_every_rule_of_a_file_is_documented",
        ),
        "1 says that verify, diff, reproduce, queries or selftest found something; a run with warnings ends with 0",
    ),
    "8 manifest": Row(
        "inputs, protocol, versions, defaults, outputs; verify, reproduce and diff read it",
        (
            f"{PUBLISH}::test_the_manifest_names_every_file_and_input",
            f"{PROMISES}::test_the_manifest_says_what_numbers_and_figures_were_made_with",
            f"{STRUCTURE}::test_case_84_a_file_that_changes_during_the_run",
            f"{OUTPUTS}::test_a_run_is_made_again_byte_for_byte",
            f"{OUTPUTS}::test_a_changed_patient_is_told_from_a_changed_protocol",
            f"{TAMPERING}::test_a_touched_output_is_told",
        ),
        "an installed package has no commit, its version stands for it; amendments are tied by the lock, not by runs",
    ),
    "9 versions": Row(
        "numbers that move are called out in the changelog",
        ("studies/test_rotterdam.py::test_hazard_ratios_before_matching",),
        "the changelog's section is written by hand",
    ),
    "10 lock": Row(
        "before outcomes are read; later edits are amendments in the report",
        (
            f"{LOCK}::test_the_design_is_the_same_when_outcomes_are_garbage",
            f"{LOCK}::test_edits_after_the_lock_need_a_reason_and_stand_in_the_report",
            f"{TAMPERING}::test_no_adjustment_looks_at_outcomes",
        ),
    ),
    "11 budgets": Row(
        "bounded time",
        (
            f"{STRUCTURE}::test_case_83_a_million_events",
            "statistics/test_nearest_neighbour.py::test_a_hundred_thousand_patients_pair_in_reasonable_time",
        ),
        "times of whole studies are measured in docs/performance.md; iterations are bounded, and analyses have no clock",
    ),
    "12 tests": Row(
        "each catalogue has an account",
        ("bad_inputs/test_every_case.py::test_every_case_of_the_catalogue_has_a_test",),
        "tests read R's stored answers, so that none is skipped where R is not",
    ),
}

ROWS = {f"privacy: {name}": row for name, row in PRIVACY.items()} | {
    f"determinism: {name}": row for name, row in DETERMINISM.items()
}


@functools.cache
def functions(path: Path) -> dict[str, list[str]]:
    """Return the tests of a file with their decorators as text."""
    tree = ast.parse(path.read_text("utf-8"))
    return {
        node.name: [ast.unparse(one) for one in node.decorator_list]
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


@pytest.mark.parametrize("name", ROWS)
def test_a_row_has_its_proof_or_its_reason(name: str) -> None:
    row = ROWS[name]
    assert row.tests or row.otherwise
    for test in row.tests:
        file, _, function = test.partition("::")
        assert (TESTS / file).is_file(), file
        assert function in functions(TESTS / file), test
        decorators = functions(TESTS / file)[function]
        skipped = [one for one in decorators if re.search(r"\b(xfail|skip)\b|skipif\(True", one)]
        assert skipped == [], test


def test_every_row_of_the_catalogues_is_here() -> None:
    assert len(PRIVACY) == 28
    assert [int(name.split()[0]) for name in DETERMINISM] == list(range(1, 13))
