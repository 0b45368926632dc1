"""What every role has: a web application with health, statistics, metrics and errors."""
