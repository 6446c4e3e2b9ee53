"""What is tried: who is compared with whom, and every rule of the grid."""
