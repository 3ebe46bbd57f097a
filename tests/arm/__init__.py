"""What Azure Resource Manager makes of a template, without Azure."""
