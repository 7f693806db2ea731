"""Views of runs and molecules: models that can be tested, views that only show them."""

from labkit.dashboards._molecules_view import cards as cards
from labkit.dashboards._molecules_view import charged_fraction as charged_fraction
from labkit.dashboards._molecules_view import formula as formula
from labkit.dashboards._molecules_view import formula_svg as formula_svg
from labkit.dashboards._molecules_view import histograms as histograms
from labkit.dashboards._molecules_view import similarity_matrix as similarity_matrix
from labkit.dashboards._page import Block as Block
from labkit.dashboards._page import Picture as Picture
from labkit.dashboards._page import table as table
from labkit.dashboards._pose_view import pose_picture as pose_picture
from labkit.dashboards._pose_view import pose_plot as pose_plot
from labkit.dashboards._read_report import read_report as read_report
from labkit.dashboards._report_model import ReportModel as ReportModel
from labkit.dashboards._report_view import ReportView as ReportView
from labkit.dashboards._route_view import route as route
from labkit.dashboards._triplet_view import TripletReportView as TripletReportView
