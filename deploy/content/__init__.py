"""What sentinel/ holds, as resources of a template: one module for each kind of content."""
