"""Import of a lab's own table, CSV or XLSX: one row is one cell tested at one condition. Writes nothing but the template."""

from optimizer.lab_table.options import Options
from optimizer.lab_table.problems import LabTableError, Problem
from optimizer.lab_table.quantities import Densities
from optimizer.lab_table.table import LabTable, read_table
from optimizer.lab_table.template import template_csv, write_template

__all__ = ["Densities", "LabTable", "LabTableError", "Options", "Problem", "read_table", "template_csv", "write_template"]
