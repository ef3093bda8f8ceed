"""The network: what its inputs are, what it computes, how it is trained."""
