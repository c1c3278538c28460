"""From what a description means to what will be built: the Plan, printable and frozen."""

from nixgen.plan.make import PlanOptions, make_image_plan, make_plan
from nixgen.plan.model import BuildPlan, Entry, ImagePlan, Plan

__all__ = [
    "BuildPlan",
    "Entry",
    "ImagePlan",
    "Plan",
    "PlanOptions",
    "make_image_plan",
    "make_plan",
]
