"""What do requests and answers of PostgREST mean? Each fact once, over bytes."""
