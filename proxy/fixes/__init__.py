"""What code fixes a finding? Generators of the SQL, supabase-js and supabase-py that findings print."""
