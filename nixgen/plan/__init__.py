"""From what a description means to what will be built: the Plan, printable and frozen."""

from nixgen.plan.base import Base, BasePlan
from nixgen.plan.make import PlanOptions, make_image_plan, make_plan
from nixgen.plan.model import BuildPlan, Entry, ImagePlan, Plan
from nixgen.plan.strategy import BuildMachine, needs_survey

__all__ = [
    "Base",
    "BasePlan",
    "BuildMachine",
    "BuildPlan",
    "Entry",
    "ImagePlan",
    "Plan",
    "PlanOptions",
    "make_image_plan",
    "make_plan",
    "needs_survey",
]
