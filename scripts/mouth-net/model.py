"""The network: 5-frame causal convolution, one or two GRUs, two small layers; 15 visemes, openness, width, closure, speech."""

import torch
from torch import nn

LOOK_AHEAD = 4  # frames: the output at frame t describes frame t - 4
CONTEXT = 5
INPUTS, OUTPUTS = 64, 19
GATE_FROM, GATE_TO = 0.25, 0.55  # speech probability up to which the mouth stays shut, and from which it moves fully


class MouthNet(nn.Module):
    def __init__(self, conv: int = 96, hidden: int = 128, layers: int = 1, head: int = 64, dropout: float = 0.15):
        super().__init__()
        self.shape = dict(conv=conv, hidden=hidden, layers=layers, head=head)
        self.conv = nn.Conv1d(INPUTS, conv, CONTEXT)
        self.gru = nn.GRU(conv, hidden, layers, batch_first=True, dropout=dropout if layers > 1 else 0.0)
        self.hidden = nn.Linear(hidden, head)
        self.out = nn.Linear(head, OUTPUTS)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor, state: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """[B, CONTEXT-1+T, 64] (the first CONTEXT-1 frames are history) -> raw [B, T, 19] and the GRU state."""
        y = torch.relu(self.conv(x.transpose(1, 2))).transpose(1, 2)
        y, state = self.gru(self.drop(y), state)
        return self.out(self.drop(torch.relu(self.hidden(y)))), state


def run_whole(net: MouthNet, x: torch.Tensor) -> torch.Tensor:
    """[frames, 64] -> activated [frames, 19] as the runtime gives them, moved back so that row t describes frame t."""
    net.eval()
    with torch.no_grad():
        raw = net(torch.nn.functional.pad(x, (0, 0, CONTEXT - 1, 0))[None])[0][0]
    out = activate(raw)
    return torch.cat([out[LOOK_AHEAD:], out[-1:].expand(LOOK_AHEAD, -1)])


def activate(raw: torch.Tensor) -> torch.Tensor:
    """Raw outputs -> 15 viseme probabilities, openness, width, closure, speech, as the runtime gives them."""
    closure, speech = torch.sigmoid(raw[..., 17:18]), torch.sigmoid(raw[..., 18:19])
    gate = ((speech - GATE_FROM) / (GATE_TO - GATE_FROM)).clamp(0, 1)
    openness, width = torch.sigmoid(raw[..., 15:16]) * gate, torch.tanh(raw[..., 16:17]) * gate
    return torch.cat([torch.softmax(raw[..., :15], -1), openness, width, closure, speech], -1)
