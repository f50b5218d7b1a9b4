"""Scripts and one Next.js application that stand for applications which use a client library."""
