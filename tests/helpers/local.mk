# helpers
