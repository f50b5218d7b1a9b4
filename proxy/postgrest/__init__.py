"""What do PostgREST's requests and answers mean? Parsers and tables over bytes, without I/O."""
