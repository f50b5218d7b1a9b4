"""How do supabase-js, supabase-py and curl say a request? Calls, filters and names that are valid in each."""
