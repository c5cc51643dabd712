"""Freed activations are reused: no page of theirs is asked of the system again."""

import resource

import pytest
import torch

from zfnet.training.machine import keep_freed_memory


def test_a_large_block_freed_and_taken_again_costs_no_page_faults():
    if not keep_freed_memory():
        pytest.skip("another C library than glibc")

    def faults_of_a_round() -> int:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        torch.ones(64 * 2**20, dtype=torch.uint8)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    rounds = [faults_of_a_round() for _ in range(4)]
    assert min(rounds[1:]) < 2**20 * 64 / 4096 / 10, rounds
