"""Attention on the CPU against torch's own."""

from __future__ import annotations

import torch

from headhunt.demo.training.attention import FAR, ROWS, matmul_attention
from headhunt.demo.training.trainer import Trainer


def test_attention_a_few_rows_at_a_time_is_attention(trainer: Trainer) -> None:
    chance = torch.Generator().manual_seed(0)
    length = 2 * ROWS + 17
    query = torch.randn(2, 4, length, 8, generator=chance)
    key, value = (torch.randn(2, 2, length, 8, generator=chance) for _ in range(2))
    allowed = torch.ones(length, length, dtype=torch.bool).tril() & (torch.rand(length, length, generator=chance) > 0.3)
    allowed |= torch.eye(length, dtype=torch.bool)
    bias = torch.where(allowed, 0.0, FAR).expand(2, 1, length, length)
    module = torch.nn.Module()
    for mask in (bias, None):
        got, _ = matmul_attention(module, query, key, value, mask, scaling=0.3)
        want = torch.nn.functional.scaled_dot_product_attention(
            query, key, value, attn_mask=mask, scale=0.3, enable_gqa=True
        )
        torch.testing.assert_close(got, want.transpose(1, 2), atol=1e-5, rtol=1e-4)
