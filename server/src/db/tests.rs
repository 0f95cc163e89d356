//! What the schema promises about tenancy, read from the catalogue and tried as the roles that use it.
