"""DynamoDB as moto has it, quick with tables of many thousand items."""

from sandbox.dynamodb.answers import use_item_serializer
from sandbox.dynamodb.backend import use_indexed_tables

__all__ = ["use_indexed_tables", "use_item_serializer"]
