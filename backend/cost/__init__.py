"""What calls cost: prices, the meter of a call, and the days' totals."""
